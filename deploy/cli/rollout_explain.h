#ifndef LINNET_DEPLOY_CLI_ROLLOUT_EXPLAIN_H_
#define LINNET_DEPLOY_CLI_ROLLOUT_EXPLAIN_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "linnet/admin/v1/admin.pb.h"
#include "storage/trust/plan.h"

namespace linnet::cli {

// When one device goes, or why it does not.
struct Turn {
  std::string device, name;  // 32 hex digits; the operator's name
  int wave = -1;             // index; -1: left out
  uint32_t bucket = 0;       // of 10,000
  std::string when;          // "at once", "after 1 pass and 10m of soak", "passed on …"
  std::string note;          // why it is left out, or what to know of it
  std::string key_sha256;    // that the plan pins, 64 hex digits; empty: none
};

// "at once", "after 1 pass of earlier waves and 10m of soak", "since …".
std::string WhenWave(const trust::PlanWave& wave, size_t index, const admin::v1::Rollout* rollout);

// Which device would go in which wave and when: from the plan as it was signed, the devices that the
// coordinator knows, and how far the rollout is (nullptr: not started). Pure. By wave, then name; those that
// are left out come last.
std::vector<Turn> Explain(const trust::Plan& plan, const admin::v1::ListDevicesResponse& devices,
                          const admin::v1::Rollout* rollout, absl::Time now);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_ROLLOUT_EXPLAIN_H_
