#ifndef LINNET_RUNTIME_NET_ADDRESS_H_
#define LINNET_RUNTIME_NET_ADDRESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace linnet::net {

// A numeric address and a port: no name service is asked about it.
struct NumericAddress {
  std::string host;  // "10.0.0.7", "fd00::7"
  uint16_t port = 0;

  std::string ToString() const;  // "10.0.0.7:7402", "[fd00::7]:7402"
};

// nullopt: not HOST:PORT or [IPV6]:PORT with a numeric host.
std::optional<NumericAddress> ParseAddress(std::string_view text);
// What gRPC's contexts call a peer: "ipv4:10.0.0.7:51324", "ipv6:%5Bfd00::7%5D:51324".
std::optional<NumericAddress> AddressOfPeer(std::string_view grpc_peer);

// kLan: RFC 1918, link-local IPv4, and unique local IPv6 addresses.
enum class Reach : uint8_t { kLoopback, kLan, kWide };
Reach ReachOf(const std::string& host);  // kWide, too, when it is no numeric address

// Our own address on the way to `there`; nothing is sent. nullopt: no route.
std::optional<std::string> LocalHostTowards(const NumericAddress& there);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_ADDRESS_H_
