#ifndef LINNET_AGENT_PEERS_PEER_OPTIONS_H_
#define LINNET_AGENT_PEERS_PEER_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "runtime/base/x509.h"
#include "runtime/net/tls.h"
#include "storage/audit/published.h"

namespace linnet::peers {

inline constexpr uint32_t kProtocol = 1;  // of peer.proto
inline constexpr uint16_t kDefaultPort = 7402;
// Asked of a peer at once: with the largest chunks, 16 MiB.
inline constexpr size_t kChunksAtOnce = 16;

// Is this device (16 bytes, as its certificate says) one to have nothing to do with? Asked at each
// connection, in both directions, and at each call; any thread.
using IsRefused = std::function<bool(const std::string& device_id, const base::Certificate& certificate)>;

// What this device knows of the coordinator's log, for its peers; any thread.
struct HeadExchange {
  std::function<std::optional<audit::LogHead>()> newest;
  std::function<void(const audit::LogHead&)> heard;  // what a peer said: not verified
};

// Writes down how many answers of a kind, and bytes, go to other devices, before they do; negative numbers
// take back what did not go. May be empty. Any thread.
using CountServed = std::function<absl::Status(std::string_view message, int64_t messages, int64_t bytes)>;

struct PeerOptions {
  // "off"; "on": port 7402 of the address from which this device reaches its coordinator, if that is one of a
  // LAN; "auto": as "on" where that is a LAN and its key is in no TPM, else as "off"; or HOST:PORT, whatever
  // address that is.
  std::string listen = "off";
  uint64_t upload_bytes_a_second = 0;  // to all peers together; 0: no limit
  IsRefused is_refused;                // may be empty

  absl::Duration connect = absl::Seconds(4);  // to a peer
  absl::Duration batch = absl::Seconds(8);    // for kChunksAtOnce chunks of one
  // How long chunks that peers should have are waited for, with none arriving, before the coordinator is
  // asked without sparing it.
  absl::Duration patience = absl::Seconds(8);
  absl::Duration away = absl::Minutes(2);     // that a dead or slow peer is not asked
  absl::Duration away_liar = absl::Hours(1);  // one that sent wrong bytes

  bool on() const { return listen != "off"; }
};

// InvalidArgument: `listen` is none of the four.
absl::Status CheckListen(const std::string& listen);

// What this device shows to its peers, and under which root theirs must be.
struct PeerIdentity {
  net::TlsIdentity tls;
  base::Certificate fleet_root;
  std::string device_id;  // 16 bytes
};

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_PEER_OPTIONS_H_
