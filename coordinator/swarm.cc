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
  Device* known = Known(device);
  if (known == nullptr) return;
  known->where = std::move(where);
  known->runs = std::move(model_sha256);
}

void Swarm::Serves(const std::string& device, net::NumericAddress where) {
  const base::MutexLock lock(mutex_);
  Device* known = where.port == 0 ? nullptr : Known(device);
  if (known != nullptr) known->where = std::move(where);
}

Swarm::Device* Swarm::Known(const std::string& device) {
  const absl::Time now = clock_.Now();
  if (devices_.size() >= kMostDevices && !devices_.contains(device)) {
    std::erase_if(devices_, [&](const auto& entry) { return entry.second.seen + kRemembered < now; });
    if (devices_.size() >= kMostDevices) return nullptr;
  }
  Device& known = devices_[device];
  known.seen = now;
  return &known;
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
  for (const bool all : {true, false}) {
    for (const std::string* id : all ? complete : fetching) {
      const Device* peer = peers.size() < kMostPeers ? Serving(*id, from, now) : nullptr;
      if (peer != nullptr) peers.push_back({peer->where.ToString(), all});
    }
  }
  return peers;
}

Swarm::Holders& Swarm::HoldersOf(const std::string& chunk) {
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

Swarm::Holder* Swarm::Find(Holders& holders, const std::string& device) {
  const auto it = std::find_if(holders.begin(), holders.end(),
                               [&](const Holder& holder) { return holder.device == device; });
  return it == holders.end() ? nullptr : &*it;
}

void Swarm::Hold(Holders& holders, const Holder& holder) {
  if (Holder* known = Find(holders, holder.device); known != nullptr) {
    *known = {holder.device, std::max(known->until, holder.until), known->given || holder.given};
  } else if (holders.size() < kMostHolders) {
    holders.push_back(holder);
  } else {
    holders[1 + random_() % (kMostHolders - 1)] = holder;
  }
}

std::vector<std::string> Swarm::Ask(const std::string& device, const std::string& from,
                                    const std::string& chunk) {
  const base::MutexLock lock(mutex_);
  const absl::Time now = clock_.Now();
  const bool serves = devices_.contains(device);
  if (!serves && !chunks_.contains(chunk)) return {};
  Holders& holders = HoldersOf(chunk);
  std::erase_if(holders, [&](const Holder& holder) { return holder.until < now; });
  std::vector<std::string> given, told;
  for (const Holder& holder : holders) {
    if (holder.device == device) {
      if (holder.given) return {};  // it has not arrived there, or did not stay
      continue;
    }
    const Device* peer = Serving(holder.device, from, now);
    if (peer != nullptr) (holder.given ? given : told).push_back(peer->where.ToString());
  }
  // Those that were told of a holder who is gone may all lack it.
  const bool take = given.empty();
  if (serves) Hold(holders, {device, now + (take ? kLease : kHeld), take});
  if (take) return {};
  std::shuffle(given.begin(), given.end(), random_);
  std::shuffle(told.begin(), told.end(), random_);
  given.insert(given.end(), told.begin(), told.end());
  if (given.size() > kMostTold) given.resize(kMostTold);
  return given;
}

void Swarm::Keep(const std::string& device, const std::string& chunk) {
  const base::MutexLock lock(mutex_);
  const auto it = chunks_.find(chunk);
  Holder* holder = it == chunks_.end() ? nullptr : Find(it->second, device);
  if (holder != nullptr) holder->until = std::max(holder->until, clock_.Now() + kLease);
}

void Swarm::Sent(const std::string& device, const std::string& chunk) {
  const base::MutexLock lock(mutex_);
  if (devices_.contains(device)) Hold(HoldersOf(chunk), {device, clock_.Now() + kHeld, true});
}

void Swarm::GiveUp(const std::string& device, const std::string& chunk) {
  const base::MutexLock lock(mutex_);
  const auto it = chunks_.find(chunk);
  if (it == chunks_.end()) return;
  std::erase_if(it->second, [&](const Holder& holder) { return holder.device == device; });
}

size_t Swarm::chunks() const {
  const base::MutexLock lock(mutex_);
  return chunks_.size();
}

}  // namespace linnet::coordinator
