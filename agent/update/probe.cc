#include "agent/update/probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

extern char** environ;

namespace linnet::update {
namespace {

constexpr size_t kMaxJson = 64 << 10;
constexpr size_t kMaxWords = 4 << 10;
constexpr int kTickMs = 50;

class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends;
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return;
    read_ = ends[0];
    write_ = ends[1];
  }
  ~Pipe() {
    CloseWrite();
    if (read_ >= 0) close(read_);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  bool ok() const { return read_ >= 0; }
  int read_end() const { return read_; }
  int write_end() const { return write_; }
  void CloseWrite() {
    if (write_ >= 0) close(std::exchange(write_, -1));
  }
  // Keeps at most `most` bytes (the first, or the last when `tail`), drops the rest. False at the end.
  bool Drain(std::string& into, size_t most, bool tail) {
    std::array<char, 4096> buffer;
    while (true) {
      const ssize_t n = read(read_, buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno == EAGAIN;
      if (n == 0) return false;
      into.append(buffer.data(), static_cast<size_t>(n));
      if (into.size() > most) tail ? into.erase(0, into.size() - most) : into.erase(most);
    }
  }

 private:
  int read_ = -1, write_ = -1;
};

// The last line, printable: it goes into a status that people read.
std::string LastLine(std::string_view words) {
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.remove_suffix(1);
  const size_t line = words.rfind('\n');
  if (line != std::string_view::npos) words.remove_prefix(line + 1);
  std::string out(words.substr(0, 300));
  for (char& c : out) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return out;
}

void Limit(pid_t pid, __rlimit_resource what, uint64_t most) {
  const rlimit limit = {most, most};
  prlimit(pid, what, &limit, nullptr);  // a limit that cannot be set is one less, not a failed probe
}

class ProcessProbe final : public Probe {
 public:
  explicit ProcessProbe(ProcessProbeOptions options) : options_(std::move(options)) {}

  ProbeResult Run(const std::string& model_path, const std::string& suite_path,
                  const std::function<bool()>& cancel) override {
    Pipe out, err;
    if (!out.ok() || !err.ok()) return CannotRun(errno);
    pid_t pid = 0;
    const absl::Duration more = suite_path.empty() ? absl::ZeroDuration() : options_.suite_time;
    const absl::Duration most = options_.timeout + more;
    if (const int error = Spawn(model_path, suite_path, out, err, &pid); error != 0) return CannotRun(error);
    out.CloseWrite();
    err.CloseWrite();
    SetLimits(pid, options_.cpu_time + 2 * more);

    ProbeResult result;
    std::string words;
    const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(most);
    const ProbeResult::Kind end = WaitFor(pid, out, err, deadline, cancel, result.json, words);
    // The leader is not reaped yet, so its group still has its number.
    kill(-pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    out.Drain(result.json, kMaxJson, false);
    err.Drain(words, kMaxWords, true);
    Judge(end, status, words, most, result);
    return result;
  }

 private:
  ProbeResult CannotRun(int error) const {
    return {ProbeResult::Kind::kCannotRun, "",
            absl::StrCat(options_.program, ": cannot run the self-check: ", std::strerror(error))};
  }

  int Spawn(const std::string& model_path, const std::string& suite_path, const Pipe& out, const Pipe& err,
            pid_t* pid) const {
    std::vector<std::string> words = {options_.program, "model", "selfcheck", model_path, "--json"};
    if (!suite_path.empty()) words.insert(words.end(), {"--suite", suite_path});
    if (!options_.runner.empty()) words.insert(words.begin(), options_.runner);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out.write_end(), 1);
    posix_spawn_file_actions_adddup2(&actions, err.write_end(), 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);  // ours blocks SIGTERM for sigwait
    posix_spawnattr_setsigdefault(&attributes, &all);
    const int error = posix_spawn(pid, words.front().c_str(), &actions, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
  }

  void SetLimits(pid_t pid, absl::Duration cpu_time) const {
    Limit(pid, RLIMIT_CORE, 0);
    Limit(pid, RLIMIT_NOFILE, 256);
    Limit(pid, RLIMIT_CPU, static_cast<uint64_t>(absl::ToInt64Seconds(cpu_time)));
    if (options_.address_space_bytes > 0) Limit(pid, RLIMIT_AS, options_.address_space_bytes);
    setpriority(PRIO_PROCESS, static_cast<id_t>(pid), 10);  // people's questions first
  }

  static ProbeResult::Kind WaitFor(pid_t pid, Pipe& out, Pipe& err,
                                   std::chrono::steady_clock::time_point deadline,
                                   const std::function<bool()>& cancel, std::string& json,
                                   std::string& words) {
    bool out_open = true, err_open = true;
    while (true) {
      std::array<pollfd, 2> polls = {
          {{out_open ? out.read_end() : -1, POLLIN, 0}, {err_open ? err.read_end() : -1, POLLIN, 0}}};
      poll(polls.data(), polls.size(), kTickMs);
      if (out_open) out_open = out.Drain(json, kMaxJson, false);
      if (err_open) err_open = err.Drain(words, kMaxWords, true);
      siginfo_t info = {};
      if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
          info.si_pid == pid) {
        return ProbeResult::Kind::kPassed;
      }
      if (cancel && cancel()) return ProbeResult::Kind::kCancelled;
      if (std::chrono::steady_clock::now() >= deadline) return ProbeResult::Kind::kTimedOut;
    }
  }

  void Judge(ProbeResult::Kind end, int status, const std::string& words, absl::Duration most,
             ProbeResult& result) const {
    result.kind = end;
    if (end == ProbeResult::Kind::kCancelled) {
      result.message = "self-check: the agent is stopping";
    } else if (end == ProbeResult::Kind::kTimedOut) {
      result.message = absl::StrCat("self-check: not done within ", absl::FormatDuration(most));
    } else if (WIFSIGNALED(status)) {
      const int signal = WTERMSIG(status);
      const bool cpu = signal == SIGXCPU;
      result.kind = cpu ? ProbeResult::Kind::kTimedOut : ProbeResult::Kind::kCrashed;
      result.message = absl::StrCat("self-check: ended by signal ", signal, " (", strsignal(signal), ")");
    } else if (WEXITSTATUS(status) == 127 && result.json.empty()) {
      result.kind = ProbeResult::Kind::kCannotRun;
      result.message =
          absl::StrCat(options_.program, ": cannot run the self-check; install it beside the agent");
    } else if (WEXITSTATUS(status) != 0) {
      result.kind = ProbeResult::Kind::kFailed;
      result.message = absl::StrCat("self-check: exit code ", WEXITSTATUS(status), ": ", LastLine(words));
    }
  }

  const ProcessProbeOptions options_;
};

}  // namespace

std::unique_ptr<Probe> MakeProcessProbe(ProcessProbeOptions options) {
  return std::make_unique<ProcessProbe>(std::move(options));
}

}  // namespace linnet::update
