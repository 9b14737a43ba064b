#include "agent/peers/peer_source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/address.h"

namespace linnet::peers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kLookEvery = std::chrono::seconds(30);
constexpr size_t kMostKnown = 256;
constexpr int kMostSlow = 2;
// Each costs seconds: after so many dead ones the next step is the better one.
constexpr int kMostGone = 3;
// A peer that is fetching lacks chunks here and there; who lacks so many is asked again later.
constexpr int kMostLacked = 4;
constexpr int kMostDeadInARow = 6;
constexpr auto kNoneFor = std::chrono::minutes(10);
constexpr absl::Duration kFirstWait = absl::Milliseconds(100), kLongestWait = absl::Seconds(1);

}  // namespace

void PeerSource::SetFile(std::string_view file_sha256) {
  if (file_sha256 == file_sha256_) return;
  file_sha256_ = std::string(file_sha256);
  next_look_ = {};
  for (auto& [address, peer] : peers_) peer.listed = peer.complete = false;
}

void PeerSource::LookForPeers() {
  if (Clock::now() < next_look_) return;
  next_look_ = Clock::now() + kLookEvery;
  const absl::StatusOr<std::vector<PeerHint>> hints = coordinator_.GetPeers(file_sha256_);
  if (!hints.ok()) return;  // the coordinator says so again when it is asked for chunks
  if (peers_.size() > kMostKnown) {
    std::erase_if(peers_, [](const auto& entry) { return entry.second.away_until < Clock::now(); });
  }
  for (const PeerHint& hint : *hints) {
    if (peers_.size() > kMostKnown) return;
    Peer& peer = peers_[hint.address];
    peer.listed = true;
    peer.complete = hint.complete;
  }
}

bool PeerSource::IsUsable(const std::string& address) const {
  const std::optional<net::NumericAddress> where = net::ParseAddress(address);
  if (!where.has_value() || where->port == 0 || net::ReachOf(where->host) == net::Reach::kWide) return false;
  const auto it = peers_.find(address);
  const Time now = Clock::now();
  return now >= none_until_ && (it == peers_.end() || it->second.away_until <= now);
}

std::vector<std::string> PeerSource::Usable(bool complete) const {
  std::vector<std::string> addresses;
  for (const auto& [address, peer] : peers_) {
    if (peer.listed && peer.complete == complete && IsUsable(address)) addresses.push_back(address);
  }
  return addresses;
}

// A handshake costs as much as some chunks: rather one that is connected, or that is asked for others anyway.
std::string PeerSource::Choose(const Batch& batch, std::string_view sha256,
                               const std::vector<std::string>& addresses,
                               const std::map<std::string, std::vector<std::string>>& chosen) {
  std::string best;
  int best_worth = -1;
  for (const std::string& address : addresses) {
    if (!IsUsable(address)) continue;
    const bool lacked = batch.lacked.contains({address, std::string(sha256)});
    const int worth = (lacked ? 0 : 4) + (pool_.Has(address) ? 2 : 0) + (chosen.contains(address) ? 1 : 0);
    if (worth <= best_worth) continue;
    best = address;
    best_worth = worth;
  }
  return best;
}

void PeerSource::Take(Batch& batch, std::string_view sha256) {
  const auto it = std::find(batch.left.begin(), batch.left.end(), sha256);
  if (it != batch.left.end()) batch.left.erase(it);
}

void PeerSource::SendAway(const std::string& address, absl::Duration time, std::string_view why) {
  peers_[address].away_until = Clock::now() + absl::ToChronoMilliseconds(time);
  pool_.Drop(address);
  base::Log(base::Severity::kInfo, "peer_not_asked_for_a_while",
            {{"peer", base::LogValue::Id(address)}, {"why", base::LogValue::Id(why)}});
}

absl::StatusOr<PeerSource::End> PeerSource::Ask(Batch& batch, const std::string& address,
                                                std::vector<std::string> hashes) {
  const size_t asked = hashes.size();
  bool lied = false;
  const absl::Status ended =
      pool_.GetChunks(address, hashes, [&](std::string_view sha256, std::string_view data) -> absl::Status {
        const auto it = std::find(hashes.begin(), hashes.end(), sha256);
        lied = it == hashes.end() || base::AsView(base::Sha256(data)) != sha256;
        if (lied) return absl::DataLossError("a wrong chunk");
        hashes.erase(it);
        dead_in_a_row_ = 0;
        batch.ours = batch.on_chunk(sha256, data);
        if (batch.ours.ok()) Take(batch, sha256);
        return batch.ours;
      });
  LINNET_RETURN_IF_ERROR(batch.ours);
  if (pool_.down()) return absl::CancelledError("the agent is stopping");
  if (lied || absl::IsDataLoss(ended)) {
    SendAway(address, options_.away_liar, "wrong bytes");
    return End::kGone;
  }
  Peer& peer = peers_[address];
  if (hashes.empty()) {
    peer.slow = 0;
    return End::kAll;
  }
  if (ended.ok() || absl::IsNotFound(ended)) return End::kLacks;
  if (absl::IsResourceExhausted(ended)) return End::kBusy;
  // Half of what was asked for within the time is slow, but worth while.
  if (hashes.size() * 2 > asked) ++peer.slow;
  if (hashes.size() == asked && ++dead_in_a_row_ >= kMostDeadInARow) {
    dead_in_a_row_ = 0;
    none_until_ = Clock::now() + kNoneFor;
  }
  if (hashes.size() == asked || peer.slow >= kMostSlow) SendAway(address, options_.away, "dead or slow");
  return End::kGone;
}

absl::Status PeerSource::FromListed(Batch& batch, bool complete) {
  std::vector<std::string> addresses = Usable(complete);
  int gone = 0;
  while (!batch.left.empty() && !addresses.empty() && gone < kMostGone) {
    const size_t i = random_() % addresses.size();
    const size_t n = std::min(batch.left.size(), kChunksAtOnce);
    LINNET_ASSIGN_OR_RETURN(
        const End end, Ask(batch, addresses[i],
                           std::vector<std::string>(batch.left.begin(),
                                                    batch.left.begin() + static_cast<std::ptrdiff_t>(n))));
    if (end == End::kAll) continue;
    if (end == End::kGone) ++gone;
    if (end == End::kLacks && complete) peers_[addresses[i]].complete = false;
    addresses.erase(addresses.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return absl::OkStatus();
}

absl::Status PeerSource::AskForEach(Batch& batch, const std::string& address,
                                    std::vector<std::string> hashes) {
  for (int lacked = 0; !hashes.empty() && lacked < kMostLacked; ++lacked) {
    LINNET_ASSIGN_OR_RETURN(const End end, Ask(batch, address, hashes));
    if (end != End::kLacks) return absl::OkStatus();
    std::erase_if(hashes, [&](const std::string& hash) {
      return std::find(batch.left.begin(), batch.left.end(), hash) == batch.left.end();
    });
    if (hashes.empty()) break;
    batch.lacked.emplace(address, hashes.front());  // at this one it ended
    hashes.erase(hashes.begin());
  }
  return absl::OkStatus();
}

absl::Status PeerSource::FromCoordinator(Batch& batch, const std::vector<std::string>& hashes) {
  const absl::Status status =
      coordinator_.FetchAll(hashes, [&](std::string_view sha256, std::string_view data) {
        batch.ours = batch.on_chunk(sha256, data);
        if (batch.ours.ok()) Take(batch, sha256);
        return batch.ours;
      });
  return batch.ours.ok() ? status : batch.ours;
}

absl::Status PeerSource::FromSwarm(Batch& batch) {
  const auto patience = absl::ToChronoMilliseconds(options_.patience);
  auto end = Clock::now() + patience;
  absl::Duration wait = kFirstWait;
  while (!batch.left.empty()) {
    const size_t before = batch.left.size();
    // Others shuffle otherwise: so each device is given other chunks.
    std::shuffle(batch.left.begin(), batch.left.end(), random_);
    std::vector<std::string> hashes(
        batch.left.begin(),
        batch.left.begin() + static_cast<std::ptrdiff_t>(std::min(before, kChunksAtOnce)));
    std::map<std::string, std::vector<std::string>> elsewhere;
    std::vector<std::string> nowhere;
    const absl::Status status = coordinator_.FetchSparing(
        hashes,
        [&](std::string_view sha256, std::string_view data) {
          batch.ours = batch.on_chunk(sha256, data);
          if (batch.ours.ok()) Take(batch, sha256);
          return batch.ours;
        },
        [&](std::string_view sha256, const std::vector<std::string>& addresses) {
          if (std::find(hashes.begin(), hashes.end(), sha256) == hashes.end()) return;
          const std::string peer = Choose(batch, sha256, addresses, elsewhere);
          (peer.empty() ? nowhere : elsewhere[peer]).emplace_back(sha256);
        });
    LINNET_RETURN_IF_ERROR(batch.ours);
    LINNET_RETURN_IF_ERROR(status);
    for (auto& [address, wanted] : elsewhere) {
      if (batch.left.size() == before && Clock::now() >= end) break;
      LINNET_RETURN_IF_ERROR(AskForEach(batch, address, std::move(wanted)));
    }
    if (!nowhere.empty()) LINNET_RETURN_IF_ERROR(FromCoordinator(batch, nowhere));
    if (batch.left.size() < before) {
      end = Clock::now() + patience;
      wait = kFirstWait;
      continue;
    }
    if (Clock::now() >= end) {
      LINNET_RETURN_IF_ERROR(FromCoordinator(batch, hashes));
      if (batch.left.size() == before) return absl::OkStatus();
      continue;
    }
    LINNET_RETURN_IF_ERROR(Wait(wait * (0.75 + 0.5 * static_cast<double>(random_() % 1024) / 1024)));
    wait = std::min(wait * 2, kLongestWait);
  }
  return absl::OkStatus();
}

absl::Status PeerSource::Fetch(
    const std::vector<std::string>& sha256,
    const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) {
  Batch batch{sha256, on_chunk, absl::OkStatus()};
  if (Clock::now() < none_until_) return FromCoordinator(batch, sha256);
  LookForPeers();
  std::shuffle(batch.left.begin(), batch.left.end(), random_);
  LINNET_RETURN_IF_ERROR(FromListed(batch, /*complete=*/true));
  absl::Status status = FromSwarm(batch);
  LINNET_RETURN_IF_ERROR(batch.ours);
  if (!batch.left.empty() && !absl::IsUnavailable(status) && !absl::IsCancelled(status)) {
    status = FromCoordinator(batch, std::vector<std::string>(batch.left));
    LINNET_RETURN_IF_ERROR(batch.ours);
  }
  // The coordinator is gone: perhaps others that fetch the file have what is lacking.
  if (absl::IsUnavailable(status)) LINNET_RETURN_IF_ERROR(FromListed(batch, /*complete=*/false));
  return batch.left.empty() ? absl::OkStatus() : status;
}

absl::Status PeerSource::Wait(absl::Duration time) {
  const base::MutexLock lock(mutex_);
  while (!down_ && went_down_.WaitFor(mutex_, time)) {
  }
  return down_ ? absl::CancelledError("the agent is stopping") : absl::OkStatus();
}

void PeerSource::Shutdown() {
  const base::MutexLock lock(mutex_);
  down_ = true;
  went_down_.SignalAll();
}

}  // namespace linnet::peers
