#include "agent/fleet/fleet_agent.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/fleet/enroll.h"
#include "agent/fleet/fleet_link.h"
#include "agent/fleet/membership.h"
#include "agent/fleet/uplink.h"
#include "agent/peers/peers.h"
#include "agent/update/backoff.h"
#include "agent/update/probe.h"
#include "agent/update/time_floor.h"
#include "agent/update/update_driver.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/mutex.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/chunks/partial_chunks.h"

namespace linnet::fleet {
namespace {

// After a try to renew that failed, doubled up to the other, with jitter: each is a message of the day's
// budget.
constexpr absl::Duration kRenewFirst = absl::Minutes(10);
constexpr absl::Duration kRenewMost = absl::Hours(1);
// After one that worked: where the clock is ahead by months the next seems to be due at once.
constexpr absl::Duration kRenewedPause = absl::Hours(12);
// A fleet that comes back all at once is turned away for a minute, too: its coordinator has enough to do.
constexpr absl::Duration kRefusedFor = absl::Minutes(2);
// Held streams come back after this, doubled up to the other, with jitter.
constexpr absl::Duration kWatchFirst = absl::Seconds(1);
constexpr absl::Duration kWatchMost = absl::Minutes(10);

uint64_t Seed() {
  uint64_t seed = 0;
  for (const char c : base::RandomBytes(8)) seed = seed << 8 | static_cast<unsigned char>(c);
  return seed;
}

class FleetAgentImpl final : public FleetAgent {
 public:
  FleetAgentImpl(FleetAgentOptions options, repo::StateDatabase& state, base::FileSystem& fs,
                 const base::Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        trust_(fs, options_.state_dir + "/trust"),
        gate_(state, clock, options_.uplink_budget_bytes,
              [this] { return driver_ != nullptr && update::IsSaved(driver_->state()); }),
        floor_(state, options_.uptime),
        revocations_(state),
        witness_(state, fs, options_.state_dir + "/trust", clock),
        probe_(update::MakeProcessProbe({.program = options_.probe_path})) {}

  ~FleetAgentImpl() override { FleetAgentImpl::Stop(); }

  absl::Status Init(repo::StateDatabase& state, base::FileSystem& fs, update::ModelHost& host) {
    LINNET_RETURN_IF_ERROR(fs.CreateDirectories(options_.state_dir + "/trust", 0700));
    LINNET_ASSIGN_OR_RETURN(
        membership_, Membership::Open(fs, options_.state_dir + "/identity", options_.keys, state, clock_));
    // A connection of its own: a download holds no lock of the repositories.
    LINNET_ASSIGN_OR_RETURN(chunk_db_, db::Database::Open(state.db().path(), db::Durability::kFull));
    LINNET_ASSIGN_OR_RETURN(
        store_, chunks::ChunkStore::Open(fs, options_.state_dir + "/models", *chunk_db_, &partial_));
    link_ = std::make_unique<FleetLink>(*membership_, gate_, options_.facts, options_.download_bytes_a_second,
                                        clock_);
    if (const absl::Status loaded = revocations_.Load(); !loaded.ok()) {  // the next check gets it anew
      base::Log(base::Severity::kError, "revoked_list_not_loaded",
                {{"error", base::LogValue::Error(loaded)}});
    }
    if (options_.peering.on()) {
      peers::PeerOptions peering = options_.peering;
      // Whom the site's signed list names, and whom else the maker of this agent refuses.
      peering.is_refused = [this, more = peering.is_refused](const std::string& id,
                                                             const base::Certificate& certificate) {
        return !revocations_.CheckCertificate(certificate).ok() || (more && more(id, certificate));
      };
      LINNET_ASSIGN_OR_RETURN(
          peers_,
          peers::Peers::Create(
              std::move(peering),
              {.fs = fs,
               .models_dir = options_.state_dir + "/models",
               .db_path = state.db().path(),
               .partial = partial_,
               .now = [this] { return membership_->Now(); },
               .admit = [this](const auto& message) { return gate_.Admit(message, true); },
               .count_served = [this](std::string_view message, int64_t messages,
                                      int64_t bytes) { return gate_.CountServed(message, messages, bytes); },
               .coordinator = link_->coordinator(),
               .heads = {.newest = [this] { return witness_.Newest(); },
                         .heard = [this](const auto& head) { witness_.Heard(head); }}}));
      link_->SetPeers(*peers_);
    }
    update::DriverOptions driver;
    driver.trust_dir = options_.state_dir + "/trust";
    driver.poll = options_.poll;
    driver.seed = Seed();
    driver.facts = PlanFacts(options_.facts);
    driver_ = std::make_unique<update::UpdateDriver>(
        std::move(driver),
        update::DriverParts{state, *store_, fs, clock_, *link_, *probe_, host, revocations_, witness_});
    return absl::OkStatus();
  }

  void Start() override {
    base::MutexLock lock(mutex_);
    if (updates_.joinable() || stopping_) return;
    updates_ = std::thread([this] { RunUpdates(); });
    watch_ = std::thread([this] { RunWatch(); });
  }

  void Stop() override {
    {
      base::MutexLock lock(mutex_);
      if (stopping_) return;
      stopping_ = true;
      wake_.SignalAll();
    }
    // Absent when Init has failed.
    if (driver_ != nullptr) driver_->Quit();
    if (link_ != nullptr) link_->Shutdown();
    if (peers_ != nullptr) peers_->Shutdown();
    if (updates_.joinable()) updates_.join();
    if (watch_.joinable()) watch_.join();
  }

  bool WaitUntilModelLoaded(absl::Duration timeout) override {
    const absl::Duration end = base::Uptime() + timeout;
    base::MutexLock lock(mutex_);
    while (!resumed_ && !stopping_) {
      const absl::Duration left = end - base::Uptime();
      if (left <= absl::ZeroDuration()) return false;
      wake_.WaitFor(mutex_, std::min(left, absl::Hours(1)));
    }
    return resumed_;
  }

  absl::Status Enroll(std::string_view token) override {
    base::MutexLock one(enrolling_);
    LINNET_RETURN_IF_ERROR(EnrollWith(token, *membership_, gate_, trust_));
    LINNET_RETURN_IF_ERROR(revocations_.Load());  // of the site before: forgotten
    base::Log(base::Severity::kInfo, "enrolled",
              {{"coordinator", base::LogValue::Id(membership_->enrolment()->coordinator)}});
    link_->Reset();
    driver_->CheckSoon();
    Wake();
    return absl::OkStatus();
  }

  absl::Status CheckNow() override {
    LINNET_RETURN_IF_ERROR(membership_->credentials().status());
    driver_->CheckSoon();
    Wake();
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> OfferModel(const std::string& path, std::string_view target_name) override {
    LINNET_RETURN_IF_ERROR(membership_->credentials().status());
    if (driver_->busy()) {
      return absl::FailedPreconditionError(absl::StrCat("an update is under way (",
                                                        std::string(update::NameOf(driver_->state())),
                                                        "); try again after it"));
    }
    return OnUpdateThread([&] { return driver_->Offer(path, target_name); });
  }

  absl::StatusOr<std::string> InstallBundle(const std::string& dir, std::string_view root_sha256) override {
    return OnUpdateThread([&] { return driver_->InstallBundle(dir, root_sha256); });
  }

  FleetStatus status() override {
    FleetStatus status;
    const std::optional<repo::Enrolment> enrolment = membership_->enrolment();
    status.enrolled = enrolment.has_value();
    if (enrolment.has_value()) status.coordinator = enrolment->coordinator;
    status.coordinator_reachable = link_->reachable();
    status.update_state = std::string(update::NameOf(driver_->state()));
    status.last_update_error = driver_->last_error();
    status.budget_bytes_a_day = gate_.budget_bytes_a_day();
    if (const auto credentials = membership_->credentials(); credentials.ok()) {
      status.certificate_expires = credentials->chain.front().not_after();
      status.key_sha256 = base::AsView(credentials->chain.front().SpkiSha256());
    }
    return status;
  }

  absl::StatusOr<update::Witness::State> log() override { return witness_.Show(); }

  absl::Status ForgetLog() override {
    LINNET_RETURN_IF_ERROR(witness_.Forget());
    base::Log(base::Severity::kWarning, "log_forgotten");
    driver_->CheckSoon();
    Wake();
    return absl::OkStatus();
  }

  const update::Revocations& revocations() const override { return revocations_; }

 private:
  struct Offer {
    std::function<absl::StatusOr<std::string>()> work;
    std::optional<absl::StatusOr<std::string>> result;
  };

  // The update thread does it, between two steps; the caller waits, so `work` may refer to what it has.
  absl::StatusOr<std::string> OnUpdateThread(std::function<absl::StatusOr<std::string>()> work) {
    Offer offer{std::move(work), std::nullopt};
    base::MutexLock lock(mutex_);
    if (!updates_.joinable() || stopping_) return absl::FailedPreconditionError("the agent is not running");
    while (offer_ != nullptr && !stopping_) wake_.Wait(mutex_);  // one at a time
    offer_ = &offer;
    wake_.SignalAll();
    while (!offer.result.has_value() && !stopped_) wake_.Wait(mutex_);
    if (offer_ == &offer) offer_ = nullptr;
    wake_.SignalAll();
    return offer.result.has_value()
               ? *std::move(offer.result)
               : absl::StatusOr<std::string>(absl::CancelledError("the agent is stopping"));
  }

  void Wake() {
    base::MutexLock lock(mutex_);
    ++wakes_;
    wake_.SignalAll();
  }

  void RunUpdates() {
    if (const absl::Status status = driver_->Resume(); !status.ok()) {
      base::Log(base::Severity::kError, "update_resume", {{"error", base::LogValue::Error(status)}});
    }
    {
      base::MutexLock lock(mutex_);
      resumed_ = true;
      wake_.SignalAll();
    }
    while (true) {
      Offer* offer = nullptr;
      uint64_t wakes = 0;
      {
        base::MutexLock lock(mutex_);
        if (stopping_) break;
        wakes = wakes_;
        if (offer_ != nullptr && !offer_->result.has_value()) offer = offer_;
      }
      if (offer != nullptr) {
        absl::StatusOr<std::string> result = offer->work();
        base::MutexLock lock(mutex_);
        offer->result = std::move(result);
        wake_.SignalAll();
        continue;
      }
      MoveFloor(false);
      MaybeRenew();
      const absl::Duration wait = driver_->Step();
      if (wait <= absl::ZeroDuration()) continue;
      base::MutexLock lock(mutex_);
      // Not by a clock, which may be set meanwhile.
      const absl::Duration until = base::Uptime() + std::min(wait, absl::Hours(1));
      while (!stopping_ && wakes == wakes_ && (offer_ == nullptr || offer_->result.has_value())) {
        const absl::Duration left = until - base::Uptime();
        if (left <= absl::ZeroDuration()) break;
        wake_.WaitFor(mutex_, left);
      }
    }
    driver_->Finish();
    MoveFloor(true);
    base::MutexLock lock(mutex_);
    stopped_ = true;
    wake_.SignalAll();
  }

  void MoveFloor(bool now) {
    if (const absl::Status moved = floor_.MoveOn(now); !moved.ok()) {
      base::Log(base::Severity::kWarning, "time_not_saved", {{"error", base::LogValue::Error(moved)}});
    }
  }

  bool IsRefused() {
    const absl::Duration uptime = options_.uptime();
    if (!link_->refused()) {
      refused_since_ = absl::InfiniteDuration();
    } else if (refused_since_ == absl::InfiniteDuration()) {
      refused_since_ = uptime;
    }
    return uptime - refused_since_ >= kRefusedFor;
  }

  // When it is due by the time that is believed here; and when the coordinator does not take the certificate
  // any more: a device without a clock, after a winter in a drawer, does not see that it has expired.
  void MaybeRenew() {
    const absl::StatusOr<update::Credentials> credentials = membership_->credentials();
    if (!credentials.ok()) return;
    const base::Certificate& certificate = credentials->chain.front();
    const absl::Time believed = membership_->Now();
    const bool invalid = IsRefused() || believed >= certificate.not_after();
    // An update ends with the key that it began with, if it can: a plan pins its canaries' keys. But one that
    // waits for a coordinator which does not take that key would wait for ever.
    if (!invalid && (driver_->state() != update::State::kIdle || believed < RenewalTime(certificate))) return;
    const absl::Time now = clock_.Now();
    // A clock that was set back, by years perhaps, holds nothing up.
    if (now < next_renewal_ && next_renewal_ - now <= 2 * kRenewedPause) return;
    const absl::Status renewed = Renew(*membership_, gate_, trust_);
    if (renewed.ok()) {
      renewal_tries_ = 0;
      next_renewal_ = now + kRenewedPause;
      base::Log(base::Severity::kInfo, "certificate_renewed");
      link_->Reset();
      driver_->CheckSoon();
    } else {
      next_renewal_ = now + renewal_backoff_.Before(++renewal_tries_);
      base::Log(base::Severity::kWarning, "certificate_not_renewed",
                {{"error", base::LogValue::Error(renewed)}});
    }
  }

  // Holds a stream, so that a stop or news arrive at once; polling goes on beside it.
  void RunWatch() {
    update::Backoff backoff(kWatchFirst, kWatchMost, Seed());
    uint32_t tries = 0;
    while (true) {
      uint64_t wakes = 0;
      {
        base::MutexLock lock(mutex_);
        if (stopping_) return;
        wakes = wakes_;
      }
      absl::Duration pause = absl::Hours(1);
      if (const auto client = link_->client(); client.ok()) {
        const absl::Status ended = (*client)->Watch([&](const v1::WatchResponse& message) {
          tries = 0;
          driver_->SetStop(message.stop());
          driver_->CheckSoon();
          Wake();
        });
        ++tries;
        // A coordinator that does not want us to watch will not want it in a second.
        const bool again = absl::IsUnavailable(ended) || absl::IsCancelled(ended) || absl::IsUnknown(ended) ||
                           absl::IsInternal(ended) || ended.ok();
        pause = backoff.Before(again ? tries : tries + 6);
      }
      base::MutexLock lock(mutex_);
      const absl::Duration until = base::Uptime() + pause;
      // Only an enrolment ends this pause early: our own messages wake the other thread.
      while (!stopping_ && base::Uptime() < until && (tries > 0 || wakes == wakes_)) {
        wake_.WaitFor(mutex_, std::max(until - base::Uptime(), absl::Milliseconds(1)));
      }
    }
  }

  const FleetAgentOptions options_;
  const base::Clock& clock_;
  trust::TrustStore trust_;
  UplinkGate gate_;
  update::TimeFloor floor_;  // of the update thread
  update::Revocations revocations_;
  update::Witness witness_;
  std::unique_ptr<update::Probe> probe_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<db::Database> chunk_db_;
  chunks::PartialChunks partial_;
  std::unique_ptr<chunks::ChunkStore> store_;
  std::unique_ptr<FleetLink> link_;
  std::unique_ptr<peers::Peers> peers_;  // null: off
  std::unique_ptr<update::UpdateDriver> driver_;
  absl::Time next_renewal_ = absl::InfinitePast();           // of the update thread, as the next three
  absl::Duration refused_since_ = absl::InfiniteDuration();  // up-time
  uint32_t renewal_tries_ = 0;
  update::Backoff renewal_backoff_{kRenewFirst, kRenewMost, Seed()};

  base::Mutex enrolling_;
  base::Mutex mutex_;
  base::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool resumed_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t wakes_ ABSL_GUARDED_BY(mutex_) = 0;
  Offer* offer_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread updates_, watch_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FleetAgent>> FleetAgent::Create(FleetAgentOptions options,
                                                               repo::StateDatabase& state,
                                                               base::FileSystem& fs, const base::Clock& clock,
                                                               update::ModelHost& host) {
  auto agent = std::make_unique<FleetAgentImpl>(std::move(options), state, fs, clock);
  LINNET_RETURN_IF_ERROR(agent->Init(state, fs, host));
  return agent;
}

}  // namespace linnet::fleet
