#ifndef LINNET_RUNTIME_NET_STREAM_MESSAGE_H_
#define LINNET_RUNTIME_NET_STREAM_MESSAGE_H_

#include "absl/status/status.h"

namespace google::protobuf {
class MessageLite;
}
namespace grpc {
class ByteBuffer;
}

namespace linnet::net {

// A message that does not parse is to gRPC 1.51 the end of a client's stream: a reactor hears
// OnReadDone(false) of both, and would take in the first half of what was sent as the whole of it. So
// services read the bytes of such streams (WithRawCallbackMethod_...), and tell one from the other here.

// `bytes` are let go. InvalidArgument: they are no message of this type.
absl::Status ParseMessage(grpc::ByteBuffer& bytes, google::protobuf::MessageLite& message);
void SerializeMessage(const google::protobuf::MessageLite& message, grpc::ByteBuffer& bytes);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_STREAM_MESSAGE_H_
