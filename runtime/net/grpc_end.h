#ifndef LINNET_RUNTIME_NET_GRPC_END_H_
#define LINNET_RUNTIME_NET_GRPC_END_H_

#include "absl/time/time.h"

namespace linnet::net {

// gRPC 1.51 destroys a channel on a thread of its own, some time after its owner did (grpc_channel's comment
// in its source). A program that returns from main meanwhile lets OpenSSL's exit handler pull away what that
// thread still uses. So main declares one of these before anything that owns a channel or a server:
//
//   const net::GrpcEnd end;
//
// and leaves only when gRPC has put everything away, or after `kPatience`, since ending matters more.
//
// And since it comes first: Debian builds Abseil with the search for deadlocks on, which looks at a graph of
// all mutexes, under one lock of the process, whenever gRPC locks one (6 % of a coordinator's time at 5,000
// check-ins a second), and keeps half a KiB for each. Here it is switched off; our own locks are std::mutex.
class GrpcEnd {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(2);

  GrpcEnd();
  GrpcEnd(const GrpcEnd&) = delete;
  GrpcEnd& operator=(const GrpcEnd&) = delete;
  ~GrpcEnd() { Await(kPatience); }

  // Whether gRPC holds nothing (any more). At once where it never started.
  static bool Await(absl::Duration patience);
};

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_GRPC_END_H_
