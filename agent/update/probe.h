#ifndef LINNET_AGENT_UPDATE_PROBE_H_
#define LINNET_AGENT_UPDATE_PROBE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace linnet::update {

struct ProbeResult {
  enum class Kind : uint8_t {
    kPassed,     // exit 0
    kFailed,     // it said no: exit code other than 0
    kCrashed,    // died by a signal: a bug, or memory
    kTimedOut,   // killed by us
    kCancelled,  // killed by us because the agent stops
    kCannotRun,  // there is no such program, or no process could be made
  };
  Kind kind = Kind::kCannotRun;
  std::string json;     // what it printed, at most 64 KiB
  std::string message;  // for people: why
};

// Runs a model that is about to be believed where a crash costs nothing.
class Probe {
 public:
  virtual ~Probe() = default;
  // `suite_path`: questions to ask, too; empty: none. `cancel` is asked every 50 ms. Blocks.
  virtual ProbeResult Run(const std::string& model_path, const std::string& suite_path,
                          const std::function<bool()>& cancel) = 0;
};

struct ProcessProbeOptions {
  std::string program;  // linnet-probe
  // An interpreter before it (qemu-aarch64 in tests); usually empty.
  std::string runner;
  absl::Duration timeout = absl::Minutes(5);
  absl::Duration suite_time = absl::Minutes(30);  // more, when there is a suite to ask
  uint64_t address_space_bytes = 0;               // 0: no limit beyond the machine's
  absl::Duration cpu_time = absl::Minutes(10);    // and twice suite_time
};

// `program model selfcheck FILE --json [--suite SUITE]` as a child: own process group, no descriptors of
// ours, no core file, lowest priority, limits on memory, processor time and open files. The whole group is
// killed at its end.
std::unique_ptr<Probe> MakeProcessProbe(ProcessProbeOptions options);

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_PROBE_H_
