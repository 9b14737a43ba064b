#ifndef LINNET_COORDINATOR_MESSAGE_CHECK_H_
#define LINNET_COORDINATOR_MESSAGE_CHECK_H_

#include <cstdint>

#include "absl/status/status.h"

namespace google::protobuf {
class Message;
}

namespace linnet::coordinator {

// The revision of fleet.proto that this coordinator speaks.
inline constexpr uint32_t kProtocol = 1;

// Does a message from a device keep to what its fields' privacy annotations promise? Bytes have their exact
// length (or are absent), certificates at most theirs, lists at most theirs, enumerations known values; there
// are no unknown fields. InvalidArgument names the field.
absl::Status CheckMessage(const google::protobuf::Message& message);

// CheckMessage, and the request's `protocol` is ours: FailedPrecondition otherwise.
absl::Status CheckRequest(const google::protobuf::Message& request);

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_MESSAGE_CHECK_H_
