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
  // Filters only ever move a device to a later wave, or out; who is not sure of a fact sees no later one.
  const linnet::trust::DeviceFacts facts{
      .kernels = "avx2", .architecture = "x86_64", .ram_mib = 2048, .cores = 4, .agent_version = 3'000};
  const auto own = plan->WaveOf(device, facts, false);
  LINNET_CHECK(!own.ok() || (wave.ok() && *own >= *wave));
  const auto perhaps = plan->WaveOf(device, {}, true);
  LINNET_CHECK(!own.ok() || (perhaps.ok() && *perhaps <= *own));
  for (const linnet::trust::PlanWave& each : plan->waves) {
    const absl::Time now = plan->created;
    const absl::Time opens = linnet::trust::OpensNext(each.windows, now, absl::FixedTimeZone(-19'800));
    LINNET_CHECK(opens >= now && opens <= now + absl::Hours(8 * 24));  // each week has its window
    LINNET_CHECK(linnet::trust::OpensNext(each.windows, opens, absl::FixedTimeZone(-19'800)) == opens);
    for (const linnet::trust::WaveWindow& window : each.windows) {
      const auto said = linnet::trust::WaveWindow::FromText(window.ToText());
      LINNET_CHECK(said.ok() && *said == window);
    }
  }
  return 0;
}
