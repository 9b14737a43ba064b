#ifndef LINNET_DEPLOY_CLI_SITE_EXPIRY_H_
#define LINNET_DEPLOY_CLI_SITE_EXPIRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "storage/trust/site.h"

namespace linnet::cli {

// Enough for two people to come together.
inline constexpr uint32_t kDueWithinDays = 30;

// Something of a site that ends on a day.
struct Expiry {
  std::string what;  // "plans", "the coordinator's certificate"
  absl::Time expires;
  std::string mend;  // what to do
};
// Offline roles and certificates that are on this machine.
std::vector<Expiry> ExpiriesOf(const trust::SiteStatus& status);

std::string Date(absl::Time time);  // "2027-05-01", UTC

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_SITE_EXPIRY_H_
