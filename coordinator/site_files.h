#ifndef LINNET_COORDINATOR_SITE_FILES_H_
#define LINNET_COORDINATOR_SITE_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/keys.h"
#include "runtime/base/x509.h"
#include "runtime/net/tls.h"

namespace linnet::coordinator {

// What `linnet site init` gives to the coordinator's machine (storage/trust/site.h), but for the keys of
// snapshot and timestamp: which of those that lie there sign, the root says (storage/trust/online_keys.h).
struct SiteFiles {
  net::TlsIdentity server;  // on both ports
  std::string server_spki_sha256;
  base::Certificate device_ca;  // intermediate under fleet_root
  base::PrivateKey device_ca_key;
  base::Certificate fleet_root;
  base::Certificate operator_root;
};

// NotFound: not a coordinator's folder. DataLoss names the file that is damaged; FailedPrecondition: two
// files do not belong together.
absl::StatusOr<SiteFiles> LoadSiteFiles(base::FileSystem& fs, const std::string& dir);

// The folder of published metadata in `state_dir`; at first start a copy of the site's.
absl::StatusOr<std::string> PrepareRepository(base::FileSystem& fs, const std::string& site_dir,
                                              const std::string& state_dir);

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_SITE_FILES_H_
