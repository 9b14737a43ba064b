#include <grpcpp/support/status.h>

#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "runtime/net/grpc_server.h"

namespace linnet::net {
namespace {
constexpr size_t kMaxMessageBytes = 1024;
}  // namespace

// The numbers of absl::StatusCode and grpc::StatusCode are the same by design (google.rpc.Code).
grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // A message may repeat what the caller sent, and ends in a terminal or a log.
  return {static_cast<grpc::StatusCode>(status.raw_code()),
          base::OneLine(base::Message(status), kMaxMessageBytes)};
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // The other end may be anybody's: what it says ends in our status and logs, and an error that says nothing
  // would look there like none.
  const std::string text = base::OneLine(status.error_message(), kMaxMessageBytes);
  return {static_cast<absl::StatusCode>(status.error_code()),
          text.empty() ? "the other end did not say why" : text};
}

}  // namespace linnet::net
