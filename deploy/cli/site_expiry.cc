#include "deploy/cli/site_expiry.h"

#include "absl/strings/str_cat.h"

namespace linnet::cli {

std::string Date(absl::Time time) { return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone()); }

std::vector<Expiry> ExpiriesOf(const trust::SiteStatus& status) {
  std::vector<Expiry> out;
  for (const trust::RoleStatus& role : status.roles) {
    out.push_back({role.role, role.expires, absl::StrCat("linnet site renew ", role.role)});
  }
  const auto certificate = [&](const char* what, absl::Time expires) {
    if (expires == absl::InfinitePast()) return;  // kept on another machine
    out.push_back({what, expires, "issue it anew with the offline authority keys"});
  };
  certificate("the device authority's certificate", status.device_ca_expires);
  certificate("the coordinator's certificate", status.server_certificate_expires);
  certificate("the operator's certificate", status.operator_certificate_expires);
  return out;
}

}  // namespace linnet::cli
