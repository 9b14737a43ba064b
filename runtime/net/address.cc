#include "runtime/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace linnet::net {
namespace {

// In the kernel's one way to write it; an IPv4 address mapped into IPv6 is the IPv4 address.
std::optional<std::string> Canonical(const std::string& host) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return host;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return std::nullopt;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    inet_ntop(AF_INET, v6.s6_addr + 12, text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, &v6, text.data(), text.size());
  }
  return std::string(text.data());
}

}  // namespace

std::string NumericAddress::ToString() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

std::optional<NumericAddress> ParseAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 64) return std::nullopt;
  int port = 0;
  if (!absl::SimpleAtoi(std::string(text.substr(colon + 1)), &port) || port < 0 || port > 65535) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  if ((host.find(':') != std::string_view::npos) != brackets) return std::nullopt;
  const std::optional<std::string> canonical = Canonical(std::string(host));
  if (!canonical.has_value()) return std::nullopt;
  return NumericAddress{*canonical, static_cast<uint16_t>(port)};
}

std::optional<NumericAddress> AddressOfPeer(std::string_view grpc_peer) {
  if (grpc_peer.starts_with("ipv4:") || grpc_peer.starts_with("ipv6:")) {
    return ParseAddress(absl::StrReplaceAll(std::string(grpc_peer.substr(5)), {{"%5B", "["}, {"%5D", "]"}}));
  }
  return std::nullopt;
}

Reach ReachOf(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    const uint32_t a = ntohl(v4.s_addr);
    if (a >> 24 == 127) return Reach::kLoopback;
    const bool lan = a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe;
    return lan ? Reach::kLan : Reach::kWide;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return Reach::kWide;
  if (IN6_IS_ADDR_LOOPBACK(&v6)) return Reach::kLoopback;
  return (v6.s6_addr[0] & 0xfe) == 0xfc ? Reach::kLan : Reach::kWide;
}

std::optional<std::string> LocalHostTowards(const NumericAddress& there) {
  sockaddr_storage name{};
  socklen_t size = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&name);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&name);
  if (inet_pton(AF_INET, there.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(there.port);
    size = sizeof *v4;
  } else if (inet_pton(AF_INET6, there.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(there.port);
    size = sizeof *v6;
  } else {
    return std::nullopt;
  }
  // A datagram socket that is connected has looked for the way, and sent nothing.
  const int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  sockaddr_storage own{};
  socklen_t own_size = sizeof own;
  const bool found = connect(fd, reinterpret_cast<const sockaddr*>(&name), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) == 0;
  close(fd);
  if (!found) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* address = own.ss_family == AF_INET
                            ? static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&own)->sin_addr)
                            : static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(&own)->sin6_addr);
  if (inet_ntop(own.ss_family, address, text.data(), text.size()) == nullptr) return std::nullopt;
  return Canonical(text.data());
}

}  // namespace linnet::net
