#ifndef LINNET_RUNTIME_NET_MESSAGE_CHECK_H_
#define LINNET_RUNTIME_NET_MESSAGE_CHECK_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

namespace google::protobuf {
class Message;
}

// What devices, their coordinator and their peers hold each other's messages to: one walk over what the
// schema says of each field (privacy.proto: `value` of what a device says, `bound` of what it is told), by
// both ends.
namespace linnet::net {

// The most that a device says in one message. Published bytes and certificates that the coordinator issued
// (kinds CHUNK and CERTIFICATE) are not counted: the first are what a device serves to its peers, the second
// go to coordinators of protocol 1 only.
inline constexpr size_t kMostSaidBytes = 1024;

// Revisions of a protocol that one end speaks.
struct Protocols {
  uint32_t oldest = 1, newest = 1;
};
// fleet.proto says what each revision means.
inline constexpr Protocols kFleetProtocols{1, 2};
inline constexpr Protocols kPeerProtocols{1, 1};

// Bytes have their exact length (or are absent), certificates, chunks and texts at most theirs, texts are
// printable ASCII, lists are no longer than they may be, enumerations have known values, and there are no
// unknown fields. InvalidArgument names the field; never what is in it.
absl::Status CheckMessage(const google::protobuf::Message& message);

// CheckMessage of what a device says, and not above kMostSaidBytes. By the device before it sends, and by
// whoever hears it.
absl::Status CheckSaid(const google::protobuf::Message& message);

// A device's request at a server that speaks `spoken`: first its `protocol` (FailedPrecondition says which
// are spoken: a newer message is not held to older rules), then CheckSaid.
absl::Status CheckRequest(const google::protobuf::Message& request, const Protocols& spoken);

// An answer at the device: CheckMessage; DataLoss, since whoever sent it does not keep to what was agreed.
absl::Status CheckAnswer(const google::protobuf::Message& answer);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_MESSAGE_CHECK_H_
