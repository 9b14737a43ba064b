#include <google/protobuf/stubs/logging.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "coordinator/config.h"
#include "coordinator/coordinator.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/log.h"
#include "runtime/base/string_view.h"
#include "runtime/net/grpc_end.h"

namespace {

// Each connection is a descriptor; the soft limit of many systems is 1024.
void AllowDescriptors(int connections) {
  constexpr rlim_t kOthers = 256;  // databases, chunks, operators
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = static_cast<rlim_t>(connections) + kOthers;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    linnet::base::Log(linnet::base::Severity::kWarning,
                      "fewer descriptors than --max-devices needs; raise LimitNOFILE",
                      {{"allowed", static_cast<int64_t>(limit.rlim_cur)}});
  }
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "linnet-coordinator: %s\n", linnet::base::Message(status).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const linnet::net::GrpcEnd grpc_end;
  // Before the first thread: all threads inherit it, and sigwait below is the only place where these signals
  // arrive.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  umask(077);
  google::protobuf::SetLogHandler(nullptr);  // logs are our JSON lines only

  const linnet::coordinator::CommandLine line = linnet::coordinator::ParseCommandLine(argc, argv);
  if (line.exit_code.has_value()) return *line.exit_code;
  AllowDescriptors(line.config.max_devices);
  linnet::base::FileSystem& fs = linnet::base::FileSystem::Real();
  auto coordinator = linnet::coordinator::Coordinator::Start(line.config, fs, linnet::base::Clock::Real());
  if (!coordinator.ok()) return Fail(coordinator.status());

  const std::string ready = absl::StrCat("fleet=", (*coordinator)->fleet_address(),
                                         "\nadmin=", (*coordinator)->admin_address(), "\n");
  if (!line.ready_file.empty()) {
    if (const absl::Status status = fs.WriteFileAtomic(line.ready_file, ready); !status.ok())
      return Fail(status);
  }
  std::fputs(ready.c_str(), stdout);
  std::fflush(stdout);
  using linnet::base::LogValue;
  linnet::base::Log(linnet::base::Severity::kInfo, "coordinator serves",
                    {{"fleet", LogValue::Id((*coordinator)->fleet_address())},
                     {"admin", LogValue::Id((*coordinator)->admin_address())}});
  int signal = 0;
  sigwait(&signals, &signal);
  linnet::base::Log(linnet::base::Severity::kInfo, "coordinator ends", {{"signal", signal}});
  coordinator->reset();
  return 0;
}
