#ifndef LINNET_STORAGE_TRUST_SITE_STATUS_H_
#define LINNET_STORAGE_TRUST_SITE_STATUS_H_

#include <string>

#include "runtime/base/file_system.h"
#include "storage/trust/offline_set.h"
#include "storage/trust/site.h"

namespace linnet::trust {

// Inside of site.cc: everything of Site::Status but the site's own name. Opens no key.
SiteStatus StatusOfSite(base::FileSystem& fs, const std::string& dir, const OfflineSet& set);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SITE_STATUS_H_
