#ifndef LINNET_TESTS_SUPPORT_SWTPM_H_
#define LINNET_TESTS_SUPPORT_SWTPM_H_

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "tests/support/temp_dir.h"

namespace linnet::testing {

// A real TPM 2.0 in software (swtpm) on a Unix socket, with a seed of its own that lasts as long as this
// object.
class Swtpm {
 public:
  static bool IsInstalled() { return access("/usr/bin/swtpm", X_OK) == 0; }
  static constexpr char kMissing[] = "NOT SHOWN: swtpm is not installed (deploy/install-packages.sh fast)";

  Swtpm() { Start(); }
  ~Swtpm() { Stop(); }
  Swtpm(const Swtpm&) = delete;
  Swtpm& operator=(const Swtpm&) = delete;

  std::string path() const { return dir_ / "tpm"; }
  bool running() const { return child_ > 0; }

  void Start() {
    const std::string state = "dir=" + dir_.path(), server = "type=unixio,path=" + path();
    child_ = fork();
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int null = open("/dev/null", O_RDWR);
      dup2(null, STDOUT_FILENO);
      dup2(null, STDERR_FILENO);
      execl("/usr/bin/swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state.c_str(), "--server",
            server.c_str(), "--flags", "not-need-init,startup-clear", nullptr);
      _exit(127);
    }
    for (int i = 0; i < 500 && !Answers(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  // It is gone; its seed stays.
  void Stop() {
    if (child_ <= 0) return;
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
    child_ = -1;
    unlink(path().c_str());
  }

 private:
  // The socket is there a moment before anybody listens.
  bool Answers() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool answers = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    return answers;
  }

  TempDir dir_;
  pid_t child_ = -1;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_SWTPM_H_
