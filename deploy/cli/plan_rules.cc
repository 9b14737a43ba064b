#include "deploy/cli/plan_rules.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::cli {
namespace {

std::vector<std::string> Texts(auto& names) { return {std::begin(names), std::end(names)}; }

uint32_t Ppm(double percent) { return static_cast<uint32_t>(std::lround(percent * 10'000)); }

// "1.2.3" as the agent's check-ins say it.
absl::StatusOr<uint32_t> VersionFromText(const std::string& text) {
  uint32_t number = 0;
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  bool good = parts.size() == 3;
  for (const std::string& part : parts) {
    uint32_t value = 0;
    good = good && !part.empty() && absl::SimpleAtoi(part, &value) && value < 1000;
    number = number * 1000 + value;
  }
  if (!good || number == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--min-agent ", text, ": a version as linnet device list shows it expected, like 0.3.0"));
  }
  return number;
}

}  // namespace

void AddPlanRules(CLI::App* command, PlanRules& rules) {
  command
      ->add_option("--waves", rules.percents,
                   "percent of all devices, wave by wave, after the canaries: 1,5,25,100 (100)")
      ->delimiter(',');
  command->add_option(
      "--window", rules.windows,
      "devices activate in these times only, may be said more than once: \"mon-fri 22:00-05:00\", "
      "\"daily 02:00-04:00 local\" (utc, or the device's own clock)");
  command->add_option("--only-architecture", rules.architectures, "only devices of these: x86_64,aarch64")
      ->delimiter(',')
      ->check(CLI::IsMember(Texts(trust::kArchitectureNames)));
  command->add_option("--only-kernels", rules.kernels, "only devices that run these: avx2,neon_dotprod,...")
      ->delimiter(',')
      ->check(CLI::IsMember(Texts(trust::kKernelNames)));
  command->add_option("--min-ram-mib", rules.least_ram_mib, "only devices with so much memory")
      ->check(CLI::PositiveNumber);
  command->add_option("--min-cores", rules.least_cores, "only devices with so many cores")
      ->check(CLI::PositiveNumber);
  command->add_option("--min-agent", rules.least_agent,
                      "only devices with this agent or a newer one, like 0.3.0");
  command
      ->add_option("--min-success-percent", rules.least_success_percent,
                   "of a wave's devices that started, so many must pass for the next to open (0)")
      ->check(CLI::Range(0.0, 100.0));
  command
      ->add_option("--max-failure-percent", rules.most_failure_percent,
                   "halt when more of a wave's devices that started fail (100)")
      ->check(CLI::Range(0.0, 100.0));
  command
      ->add_option("--min-reports", rules.least_reports,
                   "judge these shares only when so many devices of the wave have ended (0)")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--max-unreached-percent", rules.most_unreached_percent,
                   "pause when more of a wave's devices never started by its deadline (100)")
      ->check(CLI::Range(0.0, 100.0));
  command
      ->add_option("--max-in-flight", rules.most_in_flight,
                   "so many devices of a wave at a time, the others wait; 0: all")
      ->capture_default_str();
  command
      ->add_option("--wave-deadline", rules.deadline,
                   "since a wave opened; who is silent then is waited for no more (168h); 0: for ever")
      ->capture_default_str();
}

absl::Status SetRules(const PlanRules& rules, trust::PlanWave& wave) {
  wave.filter = {.architectures = rules.architectures,
                 .kernels = rules.kernels,
                 .least_ram_mib = rules.least_ram_mib,
                 .least_cores = rules.least_cores};
  if (!rules.least_agent.empty()) {
    LINNET_ASSIGN_OR_RETURN(wave.filter.least_agent_version, VersionFromText(rules.least_agent));
  }
  for (const std::string& text : rules.windows) {
    absl::StatusOr<trust::WaveWindow> window = trust::WaveWindow::FromText(text);
    if (!window.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--window ", base::Message(window.status())));
    }
    wave.windows.push_back(*window);
  }
  wave.least_success_ppm = Ppm(rules.least_success_percent);
  wave.most_failure_ppm = Ppm(rules.most_failure_percent);
  wave.most_unreached_ppm = Ppm(rules.most_unreached_percent);
  wave.least_reports = rules.least_reports;
  wave.most_in_flight = rules.most_in_flight;
  if (!absl::ParseDuration(rules.deadline, &wave.deadline) || wave.deadline < absl::ZeroDuration() ||
      wave.deadline % absl::Seconds(1) != absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--wave-deadline ", rules.deadline, ": whole seconds expected, like 90s, 30m or 48h"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint32_t>> BucketsOf(const PlanRules& rules) {
  std::vector<uint32_t> buckets;
  for (const std::string& text : rules.percents) {
    double percent = 0;
    const bool number = absl::SimpleAtod(text, &percent) && percent > 0 && percent <= 100;
    const double bucket = percent * 100;
    if (!number || std::abs(bucket - std::round(bucket)) > 1e-6 || bucket < 1 ||
        (!buckets.empty() && bucket <= buckets.back())) {
      return absl::InvalidArgumentError(
          absl::StrCat("--waves ", text, ": rising percents from 0.01 to 100 expected, like 1,5,25,100"));
    }
    buckets.push_back(static_cast<uint32_t>(std::lround(bucket)));
  }
  return buckets;
}

trust::DeviceFacts FactsOf(const admin::v1::Device& device) {
  return {.kernels = device.instruction_set(),
          .architecture = trust::ArchitectureOf(device.instruction_set()),
          .ram_mib = device.ram_mib(),
          .cores = device.cores(),
          .agent_version = device.agent_version()};
}

std::string PercentText(uint32_t ppm) { return absl::StrCat(ppm / 10'000.0, " %"); }

std::string RulesText(const trust::PlanWave& wave) {
  std::vector<std::string> parts;
  if (!wave.filter.empty()) parts.push_back(absl::StrCat("only ", wave.filter.ToText()));
  if (!wave.windows.empty()) parts.push_back(absl::StrCat("in ", trust::WindowsText(wave.windows)));
  if (wave.most_in_flight > 0) parts.push_back(absl::StrCat("at most ", wave.most_in_flight, " at a time"));
  if (wave.least_success_ppm > 0) {
    parts.push_back(absl::StrCat(PercentText(wave.least_success_ppm), " of those that start must pass"));
  }
  if (wave.most_failure_ppm < trust::kAllPpm) {
    parts.push_back(absl::StrCat("halts above ", PercentText(wave.most_failure_ppm), " of failures"));
  }
  if (wave.most_unreached_ppm < trust::kAllPpm) {
    parts.push_back(absl::StrCat("pauses above ", PercentText(wave.most_unreached_ppm), " not reached"));
  }
  if (wave.deadline > absl::ZeroDuration()) {
    parts.push_back(absl::StrCat("deadline ", absl::FormatDuration(wave.deadline)));
  }
  return absl::StrJoin(parts, "; ");
}

std::string HaltsText(const trust::Plan& plan) {
  return plan.most_failures == std::numeric_limits<uint32_t>::max()
             ? "halts at no number of failures"
             : absl::StrCat("halts at ", plan.most_failures, " failures");
}

}  // namespace linnet::cli
