#include "coordinator/swarm.h"

#include <algorithm>
#include <utility>

namespace linnet::coordinator {

void Swarm::Saw(const std::string& device, net::NumericAddress where, std::string model_sha256) {
  const base::MutexLock lock(mutex_);
  if (where.port == 0) {
    devices_.erase(device);
    return;
  }
  const absl::Time now = clock_.Now();
  if (devices_.size() >= kMostDevices && !devices_.contains(device)) {
    std::erase_if(devices_, [&](const auto& entry) { return entry.second.seen + kRemembered < now; });
    if (devices_.size() >= kMostDevices) return;
  }
  Device& entry = devices_[device];
  entry.where = std::move(where);
  entry.runs = std::move(model_sha256);
  entry.seen = now;
}

const Swarm::Device* Swarm::Serving(const std::string& device, const std::string& from, absl::Time now) {
  const auto it = devices_.find(device);
  if (it == devices_.end() || it->second.seen + kRemembered < now) return nullptr;
  // What is loopback to us is another machine's own.
  const bool reachable = net::ReachOf(it->second.where.host) != net::Reach::kLoopback ||
                         net::ReachOf(from) == net::Reach::kLoopback;
  return reachable && is_member_(device) ? &it->second : nullptr;
}

std::vector<Swarm::Peer> Swarm::PeersFor(const std::string& device, const std::string& from,
                                         const std::string& file_sha256) {
  const base::MutexLock lock(mutex_);
  const absl::Time now = clock_.Now();
  std::vector<const std::string*> complete, fetching;
  for (auto& [id, entry] : devices_) {
    if (id == device) {
      entry.fetches = file_sha256;
      entry.seen = now;
    } else if (entry.runs == file_sha256) {
      complete.push_back(&id);
    } else if (entry.fetches == file_sha256) {
      fetching.push_back(&id);
    }
  }
  std::shuffle(complete.begin(), complete.end(), random_);
  std::shuffle(fetching.begin(), fetching.end(), random_);
  std::vector<Peer> peers;
  const auto take = [&](const std::vector<const std::string*>& ids, bool all) {
    for (const std::string* id : ids) {
      if (peers.size() >= kMostPeers) return;
      const Device* peer = Serving(*id, from, now);
      if (peer != nullptr) peers.push_back({peer->where.ToString(), all});
    }
  };
  take(complete, true);
  take(fetching, false);
  return peers;
}

std::vector<Swarm::Holder>& Swarm::HoldersOf(const std::string& chunk) {
  const auto [it, added] = chunks_.try_emplace(chunk);
  if (added) {
    order_.push_back(chunk);
    if (order_.size() > kMostChunks) {
      chunks_.erase(order_.front());  // not the new one: that is at the back
      order_.pop_front();
    }
  }
  return it->second;
}

void Swarm::Hold(std::vector<Holder>& holders, const std::string& device, absl::Time until) {
  for (Holder& holder : holders) {
    if (holder.device == device) {
      holder.until = std::max(holder.until, until);
      return;
    }
  }
  if (holders.size() >= kMostHolders) holders.erase(holders.begin());
  holders.push_back({device, until});
}

std::vector<std::string> Swarm::Ask(const std::string& device, const std::string& from,
                                    const std::string& chunk) {
  const base::MutexLock lock(mutex_);
  const absl::Time now = clock_.Now();
  const auto asker = devices_.find(device);
  const bool serves = asker != devices_.end();
  if (!serves && !chunks_.contains(chunk)) return {};
  std::vector<Holder>& holders = HoldersOf(chunk);
  std::erase_if(holders, [&](const Holder& holder) { return holder.until < now; });
  std::vector<std::string> peers;
  for (const Holder& holder : holders) {
    if (holder.device == device) return {};  // what was sent has not arrived there, or did not stay
    const Device* peer = Serving(holder.device, from, now);
    if (peer != nullptr) peers.push_back(peer->where.ToString());
  }
  if (peers.empty() && serves) Hold(holders, device, now + kLease);
  std::shuffle(peers.begin(), peers.end(), random_);
  return peers;
}

void Swarm::Sent(const std::string& device, const std::string& chunk) {
  const base::MutexLock lock(mutex_);
  if (devices_.contains(device)) Hold(HoldersOf(chunk), device, clock_.Now() + kRemembered);
}

size_t Swarm::chunks() const {
  const base::MutexLock lock(mutex_);
  return chunks_.size();
}

}  // namespace linnet::coordinator
