#ifndef LINNET_AGENT_AGENT_H_
#define LINNET_AGENT_AGENT_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "agent/config.h"
#include "runtime/base/clock.h"

namespace linnet::agent {

enum ExitCode : int {
  kOk = 0,
  kRuntime = 1,
  kUsage = 2,
  kBadState = 3,
  kPortInUse = 4,
  kEnrolmentRefused = 5,
  kUpdateRefused = 6,
  kNoTpm = 7,
};

struct StartFailure {
  absl::Status status;
  ExitCode exit_code = kRuntime;
};

// A running agent: opens the state, then the doors, and passes the parts to each other. `main` has one; tests
// may have several, with a state folder each.
class Agent {
 public:
  // Null when it cannot start: `failure` says why. `clock` outlives it. `version`: "0.1.0".
  static std::unique_ptr<Agent> Start(const Config& config, const base::Clock& clock,
                                      const std::string& version, StartFailure* failure);
  virtual ~Agent() = default;  // Stop

  // "socket=unix:/...", "grpc=127.0.0.1:7400", "http=127.0.0.1:7401", "device=<32 hex digits>": one a line;
  // doors that are closed are left out.
  virtual std::string ready_text() const = 0;
  // Ends generations, closes the doors, saves. At most a few seconds. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace linnet::agent

#endif  // LINNET_AGENT_AGENT_H_
