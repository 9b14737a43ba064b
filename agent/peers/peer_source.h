#ifndef LINNET_AGENT_PEERS_PEER_SOURCE_H_
#define LINNET_AGENT_PEERS_PEER_SOURCE_H_

#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/peers/peer_options.h"
#include "agent/peers/peer_pool.h"
#include "runtime/base/mutex.h"
#include "storage/chunks/chunk_store.h"

namespace linnet::peers {

struct PeerHint {
  std::string address;
  bool complete = false;
};

// A coordinator, as far as chunks go. Nothing that it says is believed.
class ChunkCoordinator {
 public:
  using OnChunk = PeerPool::OnChunk;
  using OnElsewhere = std::function<void(std::string_view sha256, const std::vector<std::string>& addresses)>;

  virtual ~ChunkCoordinator() = default;
  virtual absl::StatusOr<std::vector<PeerHint>> GetPeers(const std::string& file_sha256) = 0;
  // Of each chunk either its bytes, or which peers have it or will.
  virtual absl::Status FetchSparing(const std::vector<std::string>& sha256, const OnChunk& on_chunk,
                                    const OnElsewhere& on_elsewhere) = 0;
  virtual absl::Status FetchAll(const std::vector<std::string>& sha256, const OnChunk& on_chunk) = 0;
};

// The chunks of one file from whoever has them:
//
//   1. peers that run the file                       16 chunks at a time, each time another
//   2. the coordinator, sparing                      some chunks, and hints where the others are; those peers
//   3. the coordinator, for some of what is lacking  when nothing has come by 2 for `patience`; then 2 again
//
// What ends it: each step brings a chunk, rules a peer out, or uses up the patience. A peer's chunk is hashed
// here, so that a wrong one is that peer's doing and not the source's: the peer is not asked again for
// `away_liar`. A dead or slow one is not asked for `away`; a busy one, and one that lacks a chunk, stays.
// Where one after another is dead (devices that cannot reach each other), none is asked for a while. Only
// addresses of a LAN are called, whatever a coordinator says.
//
// One thread fetches; Shutdown is thread-safe.
class PeerSource final : public chunks::ChunkSource {
 public:
  // All outlive it.
  PeerSource(const PeerOptions& options, PeerPool& pool, ChunkCoordinator& coordinator, uint64_t seed)
      : options_(options), pool_(pool), coordinator_(coordinator), random_(seed) {}

  void SetFile(std::string_view file_sha256);
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) override;
  void Shutdown();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Peer {
    bool complete = false, listed = false;  // as the coordinator says, of this file
    Time away_until = {};
    int slow = 0;
  };
  struct Batch {
    std::vector<std::string> left;
    const PeerPool::OnChunk& on_chunk;
    absl::Status ours;                                          // why the callback ended the fetch
    std::set<std::pair<std::string, std::string>> lacked = {};  // address, chunk
  };
  enum class End : uint8_t { kAll, kLacks, kBusy, kGone };

  void LookForPeers();
  std::vector<std::string> Usable(bool complete) const;
  bool IsUsable(const std::string& address) const;
  // Of the addresses for a chunk; empty: none is worth a try.
  std::string Choose(const Batch& batch, std::string_view sha256, const std::vector<std::string>& addresses,
                     const std::map<std::string, std::vector<std::string>>& chosen);
  static void Take(Batch& batch, std::string_view sha256);
  // From one peer, `hashes` in this order. Errors: the callback's, Cancelled.
  absl::StatusOr<End> Ask(Batch& batch, const std::string& address, std::vector<std::string> hashes);
  absl::Status AskForEach(Batch& batch, const std::string& address, std::vector<std::string> hashes);
  absl::Status FromListed(Batch& batch, bool complete);
  absl::Status FromSwarm(Batch& batch);
  absl::Status FromCoordinator(Batch& batch, const std::vector<std::string>& hashes);
  absl::Status Wait(absl::Duration time);
  void SendAway(const std::string& address, absl::Duration time, std::string_view why);

  const PeerOptions& options_;
  PeerPool& pool_;
  ChunkCoordinator& coordinator_;
  std::mt19937_64 random_;
  std::string file_sha256_;
  Time next_look_ = {};
  std::map<std::string, Peer> peers_;
  int dead_in_a_row_ = 0;
  Time none_until_ = {};  // no peer is asked
  base::Mutex mutex_;
  base::CondVar went_down_;
  bool down_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_PEER_SOURCE_H_
