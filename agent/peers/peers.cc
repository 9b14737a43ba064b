#include "agent/peers/peers.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/net/address.h"

namespace linnet::peers {
namespace {

uint64_t Seed() {
  uint64_t seed = 0;
  for (const char c : base::RandomBytes(8)) seed = seed << 8 | static_cast<unsigned char>(c);
  return seed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Peers>> Peers::Create(PeerOptions options, Parts parts) {
  LINNET_RETURN_IF_ERROR(CheckListen(options.listen));
  std::unique_ptr<Peers> peers(new Peers(std::move(options)));
  const PeerOptions& own = peers->options_;
  peers->now_ = parts.now;
  peers->heads_ = parts.heads;
  peers->count_served_ = std::move(parts.count_served);
  LINNET_ASSIGN_OR_RETURN(peers->shelf_,
                          Shelf::Open(parts.fs, parts.models_dir, parts.db_path, parts.partial));
  peers->pool_ = std::make_unique<PeerPool>(PeerPool::Parts{parts.now, own.is_refused, std::move(parts.admit),
                                                            own.connect, own.batch, std::move(parts.heads)});
  peers->source_ = std::make_unique<PeerSource>(own, *peers->pool_, parts.coordinator, Seed());
  return peers;
}

Peers::~Peers() { Shutdown(); }

// What nobody asked for must cost nothing: no port where there is no LAN, and no handshakes of strangers for
// a TPM, which signs some a second.
bool Peers::AutoIsOn(const PeerIdentity& identity, const std::string& coordinator) {
  const std::optional<net::NumericAddress> there = net::AddressOfPeer(coordinator);
  if (!there.has_value() || identity.tls.hardware_key.has_value()) return false;
  return net::ReachOf(net::LocalHostTowards(*there).value_or("")) == net::Reach::kLan;
}

absl::StatusOr<std::string> Peers::AddressFor(const std::string& coordinator) const {
  if (options_.listen != "on" && options_.listen != "auto") return options_.listen;
  const std::optional<net::NumericAddress> there = net::AddressOfPeer(coordinator);
  if (!there.has_value()) return absl::UnavailableError("--peers on: the coordinator's address is not known");
  const std::optional<std::string> own = net::LocalHostTowards(*there);
  if (!own.has_value()) return absl::UnavailableError("--peers on: there is no way to the coordinator");
  if (net::ReachOf(*own) == net::Reach::kWide) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--peers on: ", *own, " is no address of a LAN; to serve peers there, name it: --peers HOST:PORT"));
  }
  return net::NumericAddress{*own, kDefaultPort}.ToString();
}

int Peers::Serve(const PeerIdentity& identity, const std::string& coordinator) {
  const base::MutexLock lock(mutex_);
  if (down_) return 0;
  if (options_.listen == "auto") {
    wanted_ = AutoIsOn(identity, coordinator);
    if (!wanted_) door_.reset();
    if (!wanted_) return 0;
  }
  const bool new_identity = identity_ != identity.tls.certificate_chain_pem;
  if (new_identity) {
    pool_->SetIdentity(identity);
    identity_ = identity.tls.certificate_chain_pem;
  }
  absl::StatusOr<std::string> address = AddressFor(coordinator);
  if (address.ok() && door_ != nullptr && !new_identity && asked_ == *address) return door_->port();
  // The port stays the same where any was asked for: others know it.
  std::string listen = address.value_or("");
  if (door_ != nullptr && address.ok() && asked_ == *address) listen = door_->address();
  door_.reset();
  absl::Status opened = address.status();
  if (opened.ok()) {
    asked_ = *address;
    auto door = PeerDoor::Open(listen, identity,
                               {.shelf = *shelf_,
                                .now = now_,
                                .is_refused = options_.is_refused,
                                .heads = heads_,
                                .count_served = count_served_,
                                .upload_bytes_a_second = options_.upload_bytes_a_second});
    opened = door.status();
    if (door.ok()) door_ = *std::move(door);
  }
  if (door_ != nullptr) {
    said_.clear();
    base::Log(base::Severity::kInfo, "peers_served", {{"address", base::LogValue::Id(door_->address())}});
    return door_->port();
  }
  if (said_ != base::Message(opened)) {
    said_ = base::Message(opened);
    base::Log(base::Severity::kError, "peers_not_served", {{"error", base::LogValue::Error(opened)}});
  }
  return 0;
}

chunks::ChunkSource& Peers::Of(std::string_view file_sha256) {
  source_->SetFile(file_sha256);
  return *source_;
}

void Peers::Shutdown() {
  source_->Shutdown();
  pool_->Shutdown();
  const base::MutexLock lock(mutex_);
  down_ = true;
  door_.reset();
}

}  // namespace linnet::peers
