// linnet-agent: one per device. See --help; README.md beside this file says how the parts fit.

#include <google/protobuf/stubs/logging.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "agent/agent.h"
#include "agent/update_command.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/log.h"
#include "runtime/base/string_view.h"
#include "runtime/net/grpc_end.h"

namespace {

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "linnet-agent: %s\n", linnet::base::Message(status).c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using linnet::agent::Agent;
  const linnet::net::GrpcEnd grpc_end;
  // Idle memory: an arena a thread would cost more than it gives; few threads here allocate at once.
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 256 << 10);
  umask(0077);
  google::protobuf::SetLogHandler(nullptr);  // logs are our JSON lines only

  auto invocation = linnet::agent::ParseArguments(argc, argv, LINNET_VERSION);
  if (!invocation.ok()) return Fail(invocation.status(), linnet::agent::kUsage);
  if (!invocation->show.empty()) {
    std::fputs(invocation->show.c_str(), stdout);
    return linnet::agent::kOk;
  }

  if (invocation->update.has_value()) {
    return linnet::agent::RunUpdate(invocation->config, *invocation->update, linnet::base::Clock::Real(),
                                    LINNET_VERSION);
  }

  // Before the first thread, so that every thread inherits it and only sigwait below sees these.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  linnet::agent::StartFailure failure;
  const linnet::agent::Config& config = invocation->config;
  std::unique_ptr<Agent> agent = Agent::Start(config, linnet::base::Clock::Real(), LINNET_VERSION, &failure);
  if (agent == nullptr) return Fail(failure.status, failure.exit_code);

  std::string line = agent->ready_text();
  if (!config.ready_file.empty()) {
    const absl::Status written =
        linnet::base::FileSystem::Real().WriteFileAtomic(config.ready_file, line, 0600);
    if (!written.ok()) return Fail(written, linnet::agent::kRuntime);
  }
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::printf("linnet-agent ready %s\n", line.c_str());
  std::fflush(stdout);
  malloc_trim(0);

  int received = 0;
  sigwait(&signals, &received);
  linnet::base::Log(linnet::base::Severity::kInfo, "stopping", {{"signal", received}});
  agent->Stop();
  return linnet::agent::kOk;
}
