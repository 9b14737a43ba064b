#include "agent/peers/log_heads.h"

#include "agent/peers/peer_options.h"
#include "linnet/peer/v1/peer.pb.h"

namespace linnet::peers {

void ToProto(const audit::LogHead& head, peer::v1::LogHead& out) {
  out.set_size(head.size);
  out.set_root_sha256(head.root);
  out.set_signature(head.signature);
}

audit::LogHead FromProto(const peer::v1::LogHead& head) {
  return {.size = head.size(), .root = head.root_sha256(), .signature = head.signature()};
}

absl::Status CheckExchange(const peer::v1::ExchangeHeadsRequest& request) {
  const peer::v1::LogHead& head = request.head();
  if (!request.has_head()) return absl::OkStatus();
  if (head.size() == 0 || head.size() > audit::kMostEntries ||
      head.root_sha256().size() != audit::kHashBytes ||
      head.signature().size() != audit::kHeadSignatureBytes) {
    return absl::InvalidArgumentError("head: a size, 32 bytes of root and 64 of signature are expected");
  }
  return absl::OkStatus();
}

}  // namespace linnet::peers
