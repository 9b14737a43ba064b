#ifndef LINNET_TESTS_FUZZ_SERVICE_TARGET_H_
#define LINNET_TESTS_FUZZ_SERVICE_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "runtime/net/grpc_end.h"
#include "tests/fuzz/fuzzed_call.h"

namespace linnet::testing {

// Gives an input to the program's one Target (Run(FuzzedCall)), which is made at the first input, and goes at
// exit before gRPC and OpenSSL put themselves away.
template <typename Target>
int RunCall(const uint8_t* data, size_t size) {
  static Target* target = nullptr;
  if (target == nullptr) {
    target = new Target;
    std::atexit([] {
      delete target;
      net::GrpcEnd::Await(absl::Seconds(2));
    });
  }
  if (std::optional<FuzzedCall> call = FuzzedCall::Parse(data, size)) target->Run(*std::move(call));
  return 0;
}

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_SERVICE_TARGET_H_
