// Any bytes as a lift of a rollout: refused, or a lift that survives its own JSON, ends after it begins, and
// has a name among the plans.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/status_macros.h"
#include "storage/trust/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using linnet::trust::Lift;
  const auto lift = Lift::FromJson(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!lift.ok()) {
    LINNET_CHECK(absl::IsDataLoss(lift.status()) && !lift.status().message().empty());
    return 0;
  }
  const auto again = Lift::FromJson(lift->ToJson());
  LINNET_CHECK(again.ok() && again->ToJson() == lift->ToJson() && again->Target() == lift->Target());
  LINNET_CHECK(lift->number > 0 && lift->plan_sha256.size() == 32 && lift->created < lift->expires);
  // Text of the lift goes into this path: nothing of it leads elsewhere.
  const std::string target = lift->Target();
  LINNET_CHECK(target.starts_with("plans/" + lift->rollout + ".lift-") && target.ends_with(".json"));
  LINNET_CHECK(lift->rollout.size() == 32 && target.find_last_of('/') == 5);
  return 0;
}
