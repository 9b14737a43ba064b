#ifndef LINNET_AGENT_ENROLLER_H_
#define LINNET_AGENT_ENROLLER_H_

#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/fleet/fleet_agent.h"
#include "runtime/base/mutex.h"

namespace linnet::agent {

// Joins the fleet of a token, trying again while the coordinator cannot be reached: the device answers its
// owner meanwhile. Its thread ends with success, with a refusal, or with this object.
class Enroller {
 public:
  // `fleet` outlives it.
  Enroller(fleet::FleetAgent& fleet, std::string token);
  ~Enroller();

  // Waits at most 2 s. OK: joined, or not decided yet. Else why the coordinator, or the token's text,
  // refuses.
  absl::Status WaitForFirstAnswer();

 private:
  void Run();

  fleet::FleetAgent& fleet_;
  const std::string token_;
  base::Mutex mutex_;
  base::CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool decided_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace linnet::agent

#endif  // LINNET_AGENT_ENROLLER_H_
