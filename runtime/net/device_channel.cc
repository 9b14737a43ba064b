#include "runtime/net/device_channel.h"

#include <grpcpp/support/channel_arguments.h>

namespace linnet::net {

void SetDeviceArguments(grpc::ChannelArguments& arguments) {
  // Channels with other credentials must not share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Nothing is sent ahead but 64 KiB beside the message that is being read: what a kill loses of a download
  // is one chunk, not the megabytes that a probed window grows to, and a pause holds back the sender.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // No proxy of the environment may sit between a device and whom it calls.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Nobody is asked for a configuration of the service: that would be one more thing that is said.
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
}

}  // namespace linnet::net
