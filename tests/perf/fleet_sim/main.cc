// fleet_sim: thousands of devices from one process, with real keys, real TLS and real RPCs, against a real
// linnet-coordinator that it starts. Prints what each phase came to. README.md has figures.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/net/grpc_end.h"
#include "tests/perf/fleet_sim/agents.h"

namespace linnet::fleet_sim {
namespace {

struct Options {
  std::string bin, dir;
  size_t agents = 2000, members = 0, connections = 500, streams = 1000, width = 64;
  double seconds = 10, rate = 0;
  bool keep = false, seed = false;
};

void Say(const std::string& what, const std::string& came_to) {
  std::printf("%-34s %s\n", what.c_str(), came_to.c_str());
  std::fflush(stdout);
}

double SecondsSince(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

std::string Mib(uint64_t bytes) {
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / (1 << 20));
}

class Simulation {
 public:
  explicit Simulation(Options options)
      : o_(std::move(options)),
        members_(o_.seed ? std::max(o_.members, o_.agents) : o_.agents),
        agents_(o_.agents) {}

  absl::Status Run() {
    LINNET_RETURN_IF_ERROR(Operator::MakeSite(o_.dir));
    if (o_.seed) LINNET_RETURN_IF_ERROR(agents_.Seed(o_.dir, members_));
    LINNET_RETURN_IF_ERROR(StartCoordinator());
    LINNET_ASSIGN_OR_RETURN(operator_, Operator::Connect(o_.dir, coordinator_.admin_address()));
    if (!o_.seed) LINNET_RETURN_IF_ERROR(Enrol());
    LINNET_RETURN_IF_ERROR(CheckIns());
    LINNET_RETURN_IF_ERROR(HoldStreams());
    return absl::OkStatus();
  }

 private:
  absl::Status StartCoordinator() {
    return coordinator_.Start(o_.bin + "/linnet-coordinator", o_.dir,
                              static_cast<int>(std::max(o_.connections, o_.streams) + o_.width + 100));
  }

  static absl::Status Whole(const Tally& tally, size_t expected) {
    if (tally.errors.empty() && tally.millis.size() == expected) return absl::OkStatus();
    return absl::InternalError(absl::StrCat(tally.millis.size(), " of ", expected, " calls succeeded"));
  }

  absl::Status Enrol() {
    Tally tokens = agents_.MakeTokens(*operator_, 32);
    Say("tokens", tokens.ToString());
    LINNET_RETURN_IF_ERROR(Whole(tokens, o_.agents));
    const double cpu = coordinator_.Now().cpu_seconds;
    Tally enrolled = agents_.Enroll(o_.width);
    Say("enrolments", enrolled.ToString());
    Say("  CPU of the coordinator",
        absl::StrFormat("%.2f ms each",
                        (coordinator_.Now().cpu_seconds - cpu) * 1000 / static_cast<double>(o_.agents)));
    return Whole(enrolled, o_.agents);
  }

  absl::Status CheckIns() {
    size_t response = 0;
    const size_t request = Agents::CheckInBytes(&response);
    Say("an unchanged check-in", absl::StrCat(request, " bytes up, ", response, " down"));
    const size_t count = std::min(o_.connections, o_.agents);
    LINNET_RETURN_IF_ERROR(
        agents_.OpenChannels(count, coordinator_.fleet_address(), operator_->fleet_root()));
    Tally first = ClosedLoop(o_.width, count, 1e6, agents_.CheckIn(count));
    Say("first check-ins (with handshake)", first.ToString());
    LINNET_RETURN_IF_ERROR(Whole(first, count));
    const CoordinatorProcess::Usage before = coordinator_.Now();
    Tally closed = ClosedLoop(o_.width, SIZE_MAX, o_.seconds, agents_.CheckIn(count));
    const CoordinatorProcess::Usage after = coordinator_.Now();
    Say(absl::StrCat("check-ins, ", o_.width, " at a time"), closed.ToString());
    const auto calls = static_cast<double>(closed.millis.size());
    Say("  CPU of the coordinator",
        absl::StrFormat("%.0f us each; written to disk: %.0f bytes each",
                        (after.cpu_seconds - before.cpu_seconds) * 1e6 / calls,
                        static_cast<double>(after.disk_written_bytes - before.disk_written_bytes) / calls));
    if (o_.rate > 0) {
      Tally open = OpenLoop(o_.rate, o_.seconds, agents_.CheckIn(count));
      Say(absl::StrCat("check-ins, ", o_.rate, " a second"), open.ToString());
      if (!open.errors.empty()) return absl::InternalError("check-ins failed");
    }
    agents_.CloseChannels();
    return closed.errors.empty() && !closed.millis.empty() ? absl::OkStatus()
                                                           : absl::InternalError("check-ins failed");
  }

  absl::Status HoldStreams() {
    // A coordinator that has only its members in memory, so that what streams cost is seen.
    coordinator_.Kill(SIGTERM);
    SteadyClock::time_point begin = SteadyClock::now();
    LINNET_RETURN_IF_ERROR(StartCoordinator());
    Say("start with all its members", absl::StrFormat("%.2f s", SecondsSince(begin)));
    LINNET_ASSIGN_OR_RETURN(operator_, Reconnect());
    const size_t count = std::min(o_.streams, o_.agents);
    const CoordinatorProcess::Usage empty = coordinator_.Now();
    LINNET_RETURN_IF_ERROR(
        agents_.OpenChannels(count, coordinator_.fleet_address(), operator_->fleet_root()));
    Watches watches(agents_, count);
    begin = SteadyClock::now();
    watches.OpenAll();
    LINNET_RETURN_IF_ERROR(Settled("streams, all opened at once", watches, begin));
    const CoordinatorProcess::Usage full = coordinator_.Now();
    Say("memory", absl::StrFormat(
                      "%s with %d members, %s with %d streams: %.1f KiB a stream; %d threads, %d descriptors",
                      Mib(empty.resident_bytes), members_, Mib(full.resident_bytes), count,
                      static_cast<double>(full.resident_bytes - empty.resident_bytes) / 1024 /
                          static_cast<double>(count),
                      full.threads, full.descriptors));
    LINNET_RETURN_IF_ERROR(StopReachesAll(watches));
    return Herd(watches);
  }

  absl::StatusOr<std::unique_ptr<Operator>> Reconnect() {
    operator_.reset();  // gives the site's lock back
    return Operator::Connect(o_.dir, coordinator_.admin_address());
  }

  absl::Status Settled(const std::string& what, Watches& watches, SteadyClock::time_point begin) {
    const int failed = watches.failed_attempts();
    const double seconds = watches.WaitForAll(begin, 120);
    Say(what, seconds < 0 ? absl::StrCat("NOT settled after 120 s, ", watches.held(), " held")
                          : absl::StrFormat("settled after %.2f s, %d streams ended on the way", seconds,
                                            watches.failed_attempts() - failed));
    return seconds < 0 ? absl::InternalError("streams did not settle") : absl::OkStatus();
  }

  absl::Status StopReachesAll(Watches& watches) {
    LINNET_ASSIGN_OR_RETURN(const std::string model, operator_->PublishModel(o_.dir));
    LINNET_ASSIGN_OR_RETURN(const std::string plan, operator_->PublishPlan(model));
    std::this_thread::sleep_for(std::chrono::seconds(2));  // streams hear of the publication first
    watches.Forget();
    SteadyClock::time_point begin = SteadyClock::now();
    LINNET_RETURN_IF_ERROR(operator_->Start(plan));
    Say(absl::StrCat("start of a rollout over ", members_),
        absl::StrFormat("%.1f ms", SecondsSince(begin) * 1000));
    const double told_begin = watches.WaitForAll(begin, 60);
    Say("  which every stream has heard of", absl::StrFormat("after %.0f ms", told_begin * 1000));
    LINNET_RETURN_IF_ERROR(OperatorLooks());
    watches.Forget();
    begin = SteadyClock::now();
    LINNET_RETURN_IF_ERROR(operator_->Stop());
    Say("stop", absl::StrFormat("%.1f ms", SecondsSince(begin) * 1000));
    Tally told = watches.WaitForStop(begin, 60);
    Say("stop reaches every stream",
        absl::StrFormat("p50 %.0f ms, p99 %.0f ms, last %.0f ms, %d not told", told.Percentile(50),
                        told.Percentile(99), told.Percentile(100), told.errors["not told"]));
    return told.errors["not told"] == 0 ? absl::OkStatus()
                                        : absl::InternalError("not everybody heard the stop");
  }

  // As `linnet` asks: in pages, of messages that gRPC takes without being told.
  absl::Status OperatorLooks() {
    for (const auto& [what, look] :
         {std::pair{"list of devices", &Operator::ListDevices},
          std::pair{"status of the rollout, the first time", &Operator::ShowRollout},
          std::pair{"  once more", &Operator::ShowRollout},
          std::pair{"its devices, a line each", &Operator::ListProgress},
          std::pair{"list of rollouts", &Operator::ListRollouts}}) {
      const SteadyClock::time_point begin = SteadyClock::now();
      LINNET_ASSIGN_OR_RETURN(const Operator::Looked looked, (operator_.get()->*look)());
      Say(what, absl::StrFormat("%.1f ms, %d entries in %d messages, the largest has %d bytes",
                                SecondsSince(begin) * 1000, looked.entries, looked.messages, looked.largest));
    }
    return absl::OkStatus();
  }

  // The coordinator is killed; everybody comes back at once.
  absl::Status Herd(Watches& watches) {
    watches.Forget();
    coordinator_.Kill(SIGKILL);
    LINNET_RETURN_IF_ERROR(StartCoordinator());
    return Settled("all back after a kill", watches, SteadyClock::now());
  }

  const Options o_;
  const size_t members_;
  CoordinatorProcess coordinator_;
  Agents agents_;
  std::unique_ptr<Operator> operator_;
};

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("fleet_sim: a fleet in one process against a real coordinator; figures on standard output");
  app.add_option("--bin", options.bin, "folder with linnet-coordinator")->required();
  app.add_option("--agents", options.agents, "devices that enrol (2000)")->check(CLI::PositiveNumber);
  app.add_flag("--seed", options.seed,
               "write them into the coordinator's databases instead of enrolling them");
  app.add_option("--members", options.members, "with --seed: members in all, the others being rows only");
  app.add_option("--connections", options.connections, "of them connected while checking in (500)")
      ->check(CLI::PositiveNumber);
  app.add_option("--streams", options.streams, "of them that hold a stream (1000)")
      ->check(CLI::PositiveNumber);
  app.add_option("--width", options.width, "calls under way at a time (64)")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "of each check-in phase (10)")->check(CLI::PositiveNumber);
  app.add_option("--rate", options.rate, "check-ins a second of the second phase (none)");
  app.add_option("--dir", options.dir, "working folder (a temporary one)");
  app.add_flag("--keep", options.keep, "leave the working folder, with the coordinator's log");
  CLI11_PARSE(app, argc, argv);
  // A descriptor for each connection, here and in the coordinator, which inherits this.
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (options.dir.empty()) {
    std::string name = (std::filesystem::temp_directory_path() / "fleet-sim-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) return 1;
    options.dir = name;
  }
  std::filesystem::create_directories(options.dir);
  const std::string dir = options.dir;
  const bool keep = options.keep;
  absl::Status status;
  {
    Simulation simulation(std::move(options));
    status = simulation.Run();
  }
  std::error_code ignored;
  if (!keep) std::filesystem::remove_all(dir, ignored);
  if (!status.ok()) std::fprintf(stderr, "fleet_sim: %s\n", base::Message(status).c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace linnet::fleet_sim

int main(int argc, char** argv) {
  const linnet::net::GrpcEnd grpc_end;
  return linnet::fleet_sim::Main(argc, argv);
}
