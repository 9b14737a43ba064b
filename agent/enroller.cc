#include "agent/enroller.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "runtime/base/log.h"

namespace linnet::agent {
namespace {

bool WorthRetrying(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsCancelled(status) ||
         absl::IsResourceExhausted(status);
}

}  // namespace

Enroller::Enroller(fleet::FleetAgent& fleet, std::string token)
    : fleet_(fleet), token_(std::move(token)), thread_([this] { Run(); }) {}

Enroller::~Enroller() {
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void Enroller::Run() {
  absl::Duration pause = absl::Seconds(1);
  while (true) {
    const absl::Status status = fleet_.Enroll(token_);
    base::MutexLock lock(mutex_);
    if (status.ok() || !WorthRetrying(status)) {
      decided_ = true;
      refusal_ = status;
      changed_.SignalAll();
      if (status.ok()) {
        base::Log(base::Severity::kInfo, "enrolled");
      } else {
        base::Log(base::Severity::kError, "enrolment-refused", {{"error", base::LogValue::Error(status)}});
      }
      return;
    }
    base::Log(base::Severity::kWarning, "enrolment-waits", {{"error", base::LogValue::Error(status)}});
    const absl::Time until = absl::Now() + pause;
    while (!stopping_ && absl::Now() < until) changed_.WaitFor(mutex_, until - absl::Now());
    if (stopping_) return;
    pause = std::min(pause * 2, absl::Minutes(5));
  }
}

absl::Status Enroller::WaitForFirstAnswer() {
  const absl::Time until = absl::Now() + absl::Seconds(2);
  base::MutexLock lock(mutex_);
  while (!decided_ && absl::Now() < until) changed_.WaitFor(mutex_, until - absl::Now());
  return decided_ ? refusal_ : absl::OkStatus();
}

}  // namespace linnet::agent
