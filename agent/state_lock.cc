#include "agent/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/string_view.h"

namespace linnet::agent {

absl::StatusOr<std::unique_ptr<StateLock>> StateLock::Acquire(const std::string& directory) {
  if (const absl::Status made = base::FileSystem::Real().CreateDirectories(directory, 0700); !made.ok()) {
    return absl::Status(made.code(),
                        absl::StrCat(base::Message(made), "; choose a --state-dir that the agent can write"));
  }
  const std::string path = absl::StrCat(directory, "/lock");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    const int error = errno;
    const std::string message = absl::StrCat(path, ": ", std::strerror(error));
    if (error == ENOSPC || error == EDQUOT) {
      return absl::ResourceExhaustedError(absl::StrCat(message, "; free some space on this disk"));
    }
    return absl::PermissionDeniedError(
        absl::StrCat(message, "; the agent must be able to write in its state folder"));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char pid[16] = {};
    const ssize_t n = read(fd, pid, sizeof pid - 1);
    close(fd);
    return absl::AlreadyExistsError(
        absl::StrCat(directory, ": another agent", n > 0 ? absl::StrCat(" (process ", pid, ")") : "",
                     " uses this state folder; stop it, or choose another --state-dir"));
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    const int error = errno;
    close(fd);
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": cannot write: ", std::strerror(error), "; free some space on this disk"));
  }
  return std::unique_ptr<StateLock>(new StateLock(fd));
}

StateLock::~StateLock() { close(fd_); }

}  // namespace linnet::agent
