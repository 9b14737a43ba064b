// Any bytes as a rollout plan: refused, or a plan that survives its own JSON and places every device.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/status_macros.h"
#include "storage/trust/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using linnet::trust::Plan;
  const auto plan = Plan::FromJson(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!plan.ok()) return 0;
  const auto again = Plan::FromJson(plan->ToJson());
  LINNET_CHECK(again.ok() && again->ToJson() == plan->ToJson());
  const std::string device(16, 'd');
  LINNET_CHECK(plan->BucketOf(device) < 10000);
  const auto wave = plan->WaveOf(device);
  LINNET_CHECK(!wave.ok() || *wave < plan->waves.size());
  if (wave.ok()) plan->NamedBefore(*wave);
  // Pins are for devices that are named, and nothing else has a key that fits.
  LINNET_CHECK(!plan->Pins(device, "") && !plan->Pins("", std::string(32, 'k')));
  plan->CheckPinned().IgnoreError();
  return 0;
}
