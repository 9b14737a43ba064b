#ifndef LINNET_DEPLOY_CLI_PLAN_RULES_H_
#define LINNET_DEPLOY_CLI_PLAN_RULES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/cli/command.h"
#include "linnet/admin/v1/admin.pb.h"
#include "storage/trust/plan.h"

namespace linnet::cli {

// What a plan says of all its waves, as options of a command: for whom, when, how many at a time, and by
// which counts a wave ends well or not.
struct PlanRules {
  std::vector<std::string> percents;  // "1", "5", "25", "100": of all devices, waves one after the other
  std::vector<std::string> windows;   // WaveWindow::FromText
  std::vector<std::string> architectures, kernels;
  uint32_t least_ram_mib = 0, least_cores = 0;
  std::string least_agent;  // "0.3.0"
  double least_success_percent = 0, most_failure_percent = 100, most_unreached_percent = 100;
  uint32_t least_reports = 0, most_in_flight = 0;
  std::string deadline = "168h";
};
void AddPlanRules(CLI::App* command, PlanRules& rules);

// InvalidArgument names the option.
absl::Status SetRules(const PlanRules& rules, trust::PlanWave& wave);
// Of --waves, rising: up to which bucket (of 10,000) each wave goes. Empty: it was not said.
absl::StatusOr<std::vector<uint32_t>> BucketsOf(const PlanRules& rules);

// What a filter asks, as far as the coordinator knows it of a device.
trust::DeviceFacts FactsOf(const admin::v1::Device& device);
// "2 %"
std::string PercentText(uint32_t ppm);
// "only aarch64; in daily 02:00-04:00 utc; at most 10 at a time": what is said of one wave, or nothing.
std::string RulesText(const trust::PlanWave& wave);
// "halts at 2 failures", "halts at no number of failures".
std::string HaltsText(const trust::Plan& plan);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_PLAN_RULES_H_
