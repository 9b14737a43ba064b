#ifndef LINNET_AGENT_STATE_LOCK_H_
#define LINNET_AGENT_STATE_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace linnet::agent {

// Holds a state folder for one process; the kernel lets go when the process ends, however it ends.
class StateLock {
 public:
  // Makes the folder (0700) and `directory`/lock. AlreadyExists: another agent holds it (its process id is in
  // the message). Other errors say why the folder cannot be written.
  static absl::StatusOr<std::unique_ptr<StateLock>> Acquire(const std::string& directory);
  ~StateLock();
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace linnet::agent

#endif  // LINNET_AGENT_STATE_LOCK_H_
