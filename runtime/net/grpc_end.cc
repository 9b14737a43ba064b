#include "runtime/net/grpc_end.h"

#include <grpc/grpc.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace linnet::net {

GrpcEnd::GrpcEnd() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

bool GrpcEnd::Await(absl::Duration patience) {
  constexpr absl::Duration kStep = absl::Microseconds(200);
  const absl::Time latest = absl::Now() + patience;
  while (grpc_is_initialized() != 0) {
    if (absl::Now() >= latest) return false;
    absl::SleepFor(kStep);
  }
  return true;
}

}  // namespace linnet::net
