#include "storage/trust/release_suite.h"

#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::trust {

bool SuiteRule::Passes(uint64_t passed, uint64_t cases) const {
  if (cases == 0 || passed > cases || cases > kAllPpm) return false;
  return passed * kAllPpm >= cases * least_ppm;
}

Json SuiteRule::ToJson() const {
  return Json(Json::Object{{"least_ppm", static_cast<uint64_t>(least_ppm)}, {"sha256", base::Hex(sha256)}});
}

absl::StatusOr<std::optional<SuiteRule>> SuiteRuleOf(std::string_view custom_json) {
  LINNET_ASSIGN_OR_RETURN(const Json custom, ParseJson(custom_json));
  const Json* suite = custom.Find("suite");
  if (suite == nullptr) return std::nullopt;
  const Json* sha256 = suite->Find("sha256");
  const Json* least = suite->Find("least_ppm");
  SuiteRule rule;
  if (sha256 != nullptr && sha256->text() != nullptr) rule.sha256 = base::UnHex(*sha256->text()).value_or("");
  const bool in_range = least != nullptr && least->integer() != nullptr && *least->integer() >= 1 &&
                        *least->integer() <= kAllPpm;
  if (rule.sha256.size() != 32 || !in_range) {
    return absl::DataLossError("\"suite\": expected a \"sha256\" and a \"least_ppm\" of 1 to 1,000,000");
  }
  rule.least_ppm = static_cast<uint32_t>(*least->integer());
  return rule;
}

}  // namespace linnet::trust
