#ifndef LINNET_COORDINATOR_SWARM_H_
#define LINNET_COORDINATOR_SWARM_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "runtime/base/clock.h"
#include "runtime/base/mutex.h"
#include "runtime/net/address.h"

namespace linnet::coordinator {

// Who may have which chunks, so that devices fetch from each other: memory only, and never more than hints.
// A wrong entry costs a device some seconds. Thread-safe.
//
// A device that asks SPARING is given a chunk (a lease) unless another was given it; then it is told where,
// and from then on counts as one who will have it, too, so that not all go to the same. So each chunk leaves
// the coordinator about once, whoever asks first. Only devices that serve others take leases.
class Swarm {
 public:
  // A lease that was not used or kept by then is forgotten: its device is gone, or too slow to be waited for.
  static constexpr absl::Duration kLease = absl::Seconds(5);
  // Who was sent a chunk counts as having it for so long: afterwards it runs the file, or has given it up.
  static constexpr absl::Duration kHeld = absl::Minutes(15);
  static constexpr absl::Duration kRemembered = absl::Hours(1);  // a device that does not check in
  static constexpr size_t kMostChunks = 16'384;   // at most 700 bytes each; the oldest go first
  static constexpr size_t kMostDevices = 16'384;  // of which a port is known
  static constexpr size_t kMostPeers = 8;         // in an answer of PeersFor
  static constexpr size_t kMostHolders = 8;       // kept of a chunk
  static constexpr size_t kMostTold = 4;          // of these

  // `is_member`: not told of any more when false; called with this object's lock held.
  Swarm(const base::Clock& clock, std::function<bool(const std::string& device)> is_member, uint64_t seed)
      : clock_(clock), is_member_(std::move(is_member)), random_(seed) {}

  // From a check-in. `where`: the address that its connection comes from, with the port that it named; port
  // 0: it serves nobody.
  void Saw(const std::string& device, net::NumericAddress where, std::string model_sha256);
  // It said so between two check-ins.
  void Serves(const std::string& device, net::NumericAddress where);

  struct Peer {
    std::string address;
    bool complete = false;
  };
  // Others that run this file (first) or asked here for its peers, in random order. Remembers that `device`
  // did. `from`: the address that it calls from; who calls over the network is not told of loopback.
  std::vector<Peer> PeersFor(const std::string& device, const std::string& from,
                             const std::string& file_sha256);

  // May this device have this chunk from here? Empty: yes, and it holds the lease; else ask these, first who
  // was given it.
  std::vector<std::string> Ask(const std::string& device, const std::string& from, const std::string& chunk);
  // What becomes of a lease: it goes on, since chunks before it are on their way; it was used; or not.
  void Keep(const std::string& device, const std::string& chunk);
  void Sent(const std::string& device, const std::string& chunk);
  void GiveUp(const std::string& device, const std::string& chunk);

  size_t chunks() const;

 private:
  struct Device {
    net::NumericAddress where;
    std::string runs, fetches;  // sha256
    absl::Time seen;
  };
  struct Holder {
    std::string device;
    absl::Time until;
    bool given = false;  // from here; else it was told of others
  };
  using Holders = std::vector<Holder>;

  Device* Known(const std::string& device) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const Device* Serving(const std::string& device, const std::string& from, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Holders& HoldersOf(const std::string& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static Holder* Find(Holders& holders, const std::string& device);
  void Hold(Holders& holders, const Holder& holder) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const base::Clock& clock_;
  const std::function<bool(const std::string&)> is_member_;
  mutable base::Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Device> devices_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Holders> chunks_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> order_ ABSL_GUARDED_BY(mutex_);  // keys of chunks_, oldest first
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_SWARM_H_
