#ifndef LINNET_RUNTIME_NET_DEVICE_CHANNEL_H_
#define LINNET_RUNTIME_NET_DEVICE_CHANNEL_H_

namespace grpc {
class ChannelArguments;
}

namespace linnet::net {

// All that a device's calls say beside their messages is gRPC's own (method, deadline, the address that is
// called) and this in the place of a program's name and version. gRPC adds its library's version and "linux":
// constants of the build, too.
inline constexpr char kUserAgent[] = "linnet";

// What every channel from a device to its coordinator or to a peer has.
void SetDeviceArguments(grpc::ChannelArguments& arguments);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_DEVICE_CHANNEL_H_
