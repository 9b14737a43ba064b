#ifndef LINNET_RUNTIME_NET_DEVICE_CHANNEL_H_
#define LINNET_RUNTIME_NET_DEVICE_CHANNEL_H_

namespace grpc {
class ChannelArguments;
}

namespace linnet::net {

// What every channel from a device to its coordinator or to a peer has. Beside their messages its calls say
// what gRPC says of itself (method, deadline, the address that is called, and a user agent: the versions of
// its libraries and "linux", constants of the build), and nothing of ours: no name or version of a program,
// no metadata.
void SetDeviceArguments(grpc::ChannelArguments& arguments);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_DEVICE_CHANNEL_H_
