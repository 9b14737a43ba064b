#include <grpcpp/support/status.h>

#include "runtime/base/string_view.h"
#include "runtime/net/grpc_server.h"

namespace linnet::net {
namespace {
constexpr size_t kMaxMessageBytes = 1024;
}  // namespace

// The numbers of absl::StatusCode and grpc::StatusCode are the same by design (google.rpc.Code).
grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message = base::Message(status);
  if (message.size() > kMaxMessageBytes) {
    size_t end = kMaxMessageBytes;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80)
      --end;  // not inside a character
    message.resize(end);
  }
  return {static_cast<grpc::StatusCode>(status.raw_code()), message};
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

}  // namespace linnet::net
