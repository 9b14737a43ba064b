#include "coordinator/rollout_driver.h"

#include <algorithm>
#include <functional>
#include <set>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::coordinator {
namespace {

// A device needs `passes_needed` of them and looks at no more than so many; a few more, in case one does not
// convince it.
constexpr size_t kMostReceipts = 1024;
constexpr size_t kSpareReceipts = 4;

bool Passed(const repo::ReceiptRow& receipt) { return receipt.outcome == fleet::v1::PASSED; }

absl::Status Unknown(std::string_view id) {
  return absl::NotFoundError(
      id.empty() ? std::string("there is no rollout")
                 : absl::StrCat("rollout ", std::string(id), ": not known; see `linnet rollout list`"));
}

}  // namespace

uint32_t RolloutDriver::Rollout::failures() const {
  return static_cast<uint32_t>(std::count_if(receipts.begin(), receipts.end(),
                                             [](const auto& entry) { return !Passed(entry.second); }));
}

absl::StatusOr<std::unique_ptr<RolloutDriver>> RolloutDriver::Load(
    FleetDatabase& fleet, Cohort& cohort, Notifiers& notifiers, base::Certificate fleet_root,
    const base::Clock& clock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  std::unique_ptr<RolloutDriver> driver(
      new RolloutDriver(fleet, cohort, notifiers, std::move(fleet_root), clock));
  const base::MutexLock lock(fleet.mutex);
  LINNET_RETURN_IF_ERROR(driver->Reload());
  return driver;
}

absl::Status RolloutDriver::Reload() {
  LINNET_ASSIGN_OR_RETURN(std::vector<repo::RolloutRow> rows, fleet_.rollouts.All());
  std::vector<Rollout> rollouts;
  for (repo::RolloutRow& row : rows) {
    Rollout rollout;
    auto plan = trust::Plan::FromJson(row.plan_json);
    if (!plan.ok())
      return absl::DataLossError(absl::StrCat("rollout ", row.id, ": ", base::Message(plan.status())));
    rollout.plan = *std::move(plan);
    LINNET_ASSIGN_OR_RETURN(std::vector<repo::ReceiptRow> receipts, fleet_.rollouts.ReceiptsOf(row.id));
    for (repo::ReceiptRow& receipt : receipts) {
      std::string device = receipt.device;
      rollout.receipts.emplace(std::move(device), std::move(receipt));
    }
    rollout.row = std::move(row);
    rollouts.push_back(std::move(rollout));
  }
  rollouts_ = std::move(rollouts);
  return absl::OkStatus();
}

absl::Status RolloutDriver::Transact(const std::function<absl::Status()>& change) {
  const absl::Status status = fleet_.db->Transact(change);
  if (!status.ok()) stale_ = !Reload().ok();
  return status;
}

absl::Status RolloutDriver::Fresh() {
  if (!stale_) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(Reload());
  stale_ = false;
  return absl::OkStatus();
}

RolloutDriver::Rollout* RolloutDriver::Find(std::string_view id) {
  if (id.empty()) return rollouts_.empty() ? nullptr : &rollouts_.back();
  const auto it =
      std::find_if(rollouts_.begin(), rollouts_.end(), [&](const Rollout& r) { return r.row.id == id; });
  return it == rollouts_.end() ? nullptr : &*it;
}

absl::Status RolloutDriver::Apply(Rollout& rollout, RolloutEvent event, std::string_view actor,
                                  std::string_view why) {
  LINNET_ASSIGN_OR_RETURN(const RolloutState next, Next(rollout.state(), event));
  const absl::Time now = clock_.Now();
  LINNET_RETURN_IF_ERROR(fleet_.rollouts.SetState(rollout.row.id, static_cast<int>(next), now, why));
  LINNET_RETURN_IF_ERROR(
      fleet_.audit.Append(now, actor, absl::StrCat("rollout ", std::string(Name(next))), rollout.row.id));
  rollout.row.state = static_cast<int>(next);
  rollout.row.changed = now;
  rollout.row.why = why;
  ++revision_;
  base::Log(base::Severity::kInfo, "rollout",
            {{"id", base::LogValue::Id(rollout.row.id)}, {"state", base::LogValue::Id(Name(next))}});
  return absl::OkStatus();
}

absl::StatusOr<std::string> RolloutDriver::Start(std::string_view actor, std::string_view target,
                                                 std::string_view plan_sha256, std::string_view plan_json) {
  LINNET_ASSIGN_OR_RETURN(trust::Plan plan, trust::Plan::FromJson(plan_json));
  const absl::Time now = clock_.Now();
  if (plan.expires <= now) {
    return absl::FailedPreconditionError(
        absl::StrCat("plan ", plan.id, " expired on ",
                     absl::FormatTime("%Y-%m-%d", plan.expires, absl::UTCTimeZone()), "; sign a new one"));
  }
  const std::string id = plan.id;
  {
    const base::MutexLock lock(fleet_.mutex);
    LINNET_RETURN_IF_ERROR(Fresh());
    if (const Rollout* known = Find(id); known != nullptr) {
      if (known->row.plan_sha256 == plan_sha256 && Offers(known->state())) return id;
      return absl::FailedPreconditionError(absl::StrCat("rollout ", id, " is ",
                                                        std::string(Name(known->state())),
                                                        " and cannot start again; sign a new plan"));
    }
    LINNET_RETURN_IF_ERROR(plan.CheckPinned());
    const Rollout* back = plan.rolls_back.empty() ? nullptr : Find(plan.rolls_back);
    if (!plan.rolls_back.empty() && (back == nullptr || !Next(back->state(), RolloutEvent::kRollBack).ok())) {
      return absl::FailedPreconditionError(
          absl::StrCat("plan ", id, " takes back rollout ", plan.rolls_back, ", which is ",
                       back == nullptr ? "not known here" : std::string(Name(back->state()))));
    }
    const absl::Status saved = Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) -> absl::Status {
      for (Rollout& older : rollouts_) {
        const RolloutEvent event =
            older.row.id == plan.rolls_back ? RolloutEvent::kRollBack : RolloutEvent::kNewerPlan;
        if (!Next(older.state(), event).ok()) continue;  // it has ended
        LINNET_RETURN_IF_ERROR(Apply(older, event, actor, absl::StrCat("by rollout ", id)));
      }
      Rollout rollout;
      rollout.row = {.id = id,
                     .plan = std::string(target),
                     .plan_sha256 = std::string(plan_sha256),
                     .plan_json = std::string(plan_json),
                     .state = static_cast<int>(RolloutState::kRunning),
                     .started = now,
                     .changed = now,
                     .why = "",
                     .waves_opened = {}};
      rollout.plan = std::move(plan);
      LINNET_RETURN_IF_ERROR(fleet_.rollouts.Add(rollout.row));
      LINNET_RETURN_IF_ERROR(fleet_.audit.Append(now, actor, "rollout running", id));
      rollouts_.push_back(std::move(rollout));
      ++revision_;
      return Settle(rollouts_.back(), now);
    });
    if (!saved.ok()) return saved;
  }
  notifiers_.NotifyAll();
  return id;
}

absl::Status RolloutDriver::Hold(std::string_view actor, std::string_view id, RolloutEvent event) {
  const bool pause = event == RolloutEvent::kPause;
  {
    const base::MutexLock lock(fleet_.mutex);
    LINNET_RETURN_IF_ERROR(Fresh());
    Rollout* rollout = Find(id);
    if (rollout == nullptr) return Unknown(id);
    if (rollout->state() == (pause ? RolloutState::kPaused : RolloutState::kStopped)) return absl::OkStatus();
    const absl::Status saved = Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) {
      return Apply(*rollout, event, actor,
                   absl::StrCat(pause ? "paused by " : "stopped by ", std::string(actor)));
    });
    if (!saved.ok()) return saved;
  }
  notifiers_.NotifyAll();
  return absl::OkStatus();
}

absl::Status RolloutDriver::Stop(std::string_view actor, std::string_view id) {
  return Hold(actor, id, RolloutEvent::kStop);
}
absl::Status RolloutDriver::Pause(std::string_view actor, std::string_view id) {
  return Hold(actor, id, RolloutEvent::kPause);
}

absl::StatusOr<std::string> RolloutDriver::Lift(std::string_view actor, const trust::Lift& lift) {
  const absl::Time now = clock_.Now();
  {
    const base::MutexLock lock(fleet_.mutex);
    LINNET_RETURN_IF_ERROR(Fresh());
    Rollout* rollout = lift.rollout.empty() ? nullptr : Find(lift.rollout);
    if (rollout == nullptr) return Unknown(lift.rollout);
    const std::string what = absl::StrCat("lift ", lift.number, " of rollout ", lift.rollout);
    if (lift.plan_sha256 != rollout->row.plan_sha256) {
      return absl::FailedPreconditionError(absl::StrCat(what, ": was signed for another plan"));
    }
    if (lift.number <= rollout->row.lifts) {
      return absl::FailedPreconditionError(
          absl::StrCat(what, ": was used, or a later one was; sign a new one with `linnet rollout resume`"));
    }
    if (lift.expires <= now || rollout->plan.expires <= now) {
      return absl::FailedPreconditionError(absl::StrCat(
          what, lift.expires <= now ? ": has expired; sign a new one with `linnet rollout resume`"
                                    : ": the plan itself has expired; sign a new plan"));
    }
    const uint32_t most = lift.most_failures != 0 ? lift.most_failures : rollout->most_failures();
    if (rollout->failures() >= most) {
      return absl::FailedPreconditionError(absl::StrCat(what, ": ", rollout->failures(),
                                                        " devices failed, it would halt again at ", most,
                                                        "; sign one with a higher --max-failures"));
    }
    const absl::Status saved = Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) -> absl::Status {
      LINNET_RETURN_IF_ERROR(Apply(*rollout, RolloutEvent::kLift, actor, ""));
      LINNET_RETURN_IF_ERROR(fleet_.rollouts.SetLift(lift.rollout, lift.number, most));
      LINNET_RETURN_IF_ERROR(
          fleet_.audit.Append(now, actor, "signed lift used",
                              absl::StrCat(lift.rollout, " number ", lift.number, ", halts at ", most)));
      rollout->row.lifts = lift.number;
      rollout->row.most_failures = most;
      return Settle(*rollout, now);
    });
    if (!saved.ok()) return saved;
  }
  notifiers_.NotifyAll();
  return lift.rollout;
}

int RolloutDriver::Rollout::WaveOf(const std::string& device) const {
  const auto known = waves.find(device);
  if (known != waves.end()) return known->second;
  const absl::StatusOr<size_t> wave = plan.WaveOf(device);
  return waves.emplace(device, wave.ok() ? static_cast<int>(*wave) : -1).first->second;
}

bool RolloutDriver::UnderPinnedKey(const trust::Plan& plan, const repo::ReceiptRow& receipt) {
  const auto leaf = base::Certificate::FromDer(receipt.leaf);
  return leaf.ok() && plan.Pins(receipt.device, base::AsView(leaf->SpkiSha256()));
}

std::vector<const repo::ReceiptRow*> RolloutDriver::PassesBefore(const Rollout& rollout, size_t wave) const {
  std::vector<const repo::ReceiptRow*> passes;
  const auto add = [&](const std::string& device, const repo::ReceiptRow& receipt) {
    if (!Passed(receipt)) return;
    // What a revoked device says, or said, is no reason to go on.
    const repo::DeviceRow* member = cohort_.Find(device);
    if (member == nullptr || member->revoked) return;
    const int own = rollout.WaveOf(device);
    if (own >= 0 && static_cast<size_t>(own) < wave) passes.push_back(&receipt);
  };
  // Where the plan names canaries only theirs count, under the keys that it pins: devices check it so, too.
  const std::vector<std::string> names = rollout.plan.NamedBefore(wave);
  for (const std::string& name : names) {
    const auto receipt = rollout.receipts.find(base::UnHex(name).value_or(""));
    if (receipt != rollout.receipts.end() && UnderPinnedKey(rollout.plan, receipt->second)) {
      add(receipt->first, receipt->second);
    }
  }
  if (names.empty()) {
    for (const auto& [device, receipt] : rollout.receipts) add(device, receipt);
  }
  std::sort(passes.begin(), passes.end(), [](const repo::ReceiptRow* a, const repo::ReceiptRow* b) {
    return std::tie(a->received, a->device) < std::tie(b->received, b->device);
  });
  return passes;
}

const std::vector<const repo::ReceiptRow*>& RolloutDriver::ReceiptsFor(const Rollout& rollout,
                                                                       size_t wave) const {
  PassesOfWave& known = rollout.passes[wave];
  if (known.heard != rollout.heard || known.revocations != cohort_.revocations()) {
    known = {rollout.heard, cohort_.revocations(), PassesBefore(rollout, wave)};
  }
  return known.passes;
}

std::vector<absl::Time> RolloutDriver::Times(const std::vector<const repo::ReceiptRow*>& receipts) {
  std::vector<absl::Time> times;
  times.reserve(receipts.size());
  for (const repo::ReceiptRow* receipt : receipts) times.push_back(receipt->received);
  return times;
}

absl::Time RolloutDriver::NextWaveOpens(const Rollout& rollout) const {
  const size_t wave = rollout.row.waves_opened.size();
  if (wave == rollout.plan.waves.size()) return absl::InfiniteFuture();
  return OpensAt(rollout.plan.waves[wave], Times(PassesBefore(rollout, wave)),
                 wave == 0 ? absl::InfinitePast() : rollout.row.waves_opened.back());
}

absl::Status RolloutDriver::OpenWaves(Rollout& rollout, absl::Time now) {
  std::vector<absl::Time>& opened = rollout.row.waves_opened;
  while (opened.size() < rollout.plan.waves.size()) {
    const size_t wave = opened.size();
    if (NextWaveOpens(rollout) > now) break;
    LINNET_RETURN_IF_ERROR(fleet_.rollouts.OpenWave(rollout.row.id, wave, now));
    LINNET_RETURN_IF_ERROR(fleet_.audit.Append(
        now, "coordinator", "open wave", absl::StrCat(rollout.row.id, " ", rollout.plan.waves[wave].name)));
    opened.push_back(now);
    rollout.row.changed = now;
    ++revision_;
  }
  return absl::OkStatus();
}

absl::Status RolloutDriver::Settle(Rollout& rollout, absl::Time now) {
  const uint32_t failures = rollout.failures();
  const uint32_t most = rollout.most_failures();
  const RolloutState state = rollout.state();
  const bool live = Offers(state) || state == RolloutState::kPaused;
  if (live && failures >= most) {
    return Apply(rollout, RolloutEvent::kTooManyFailures, "coordinator",
                 absl::StrCat(failures, " devices failed, the rollout halts at ", most));
  }
  if (state != RolloutState::kRunning) return absl::OkStatus();
  if (rollout.plan.expires <= now) {
    return Apply(rollout, RolloutEvent::kPlanExpired, "coordinator", "the plan expired; sign a new one");
  }
  LINNET_RETURN_IF_ERROR(OpenWaves(rollout, now));
  if (rollout.row.waves_opened.size() < rollout.plan.waves.size()) return absl::OkStatus();
  size_t covered = 0;
  for (const auto& [id, device] : cohort_.all()) {
    if (device.revoked || rollout.WaveOf(id) < 0) continue;
    if (!rollout.receipts.contains(id)) return absl::OkStatus();
    ++covered;
  }
  if (covered == 0) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(
      Apply(rollout, RolloutEvent::kAllReported, "coordinator", "every device has reported"));
  return EndRollBack(rollout);
}

absl::Status RolloutDriver::EndRollBack(const Rollout& rollout) {
  Rollout* back = rollout.plan.rolls_back.empty() ? nullptr : Find(rollout.plan.rolls_back);
  if (back == nullptr || back->state() != RolloutState::kRollingBack) return absl::OkStatus();
  return Apply(*back, RolloutEvent::kRollBackEnded, "coordinator",
               absl::StrCat("by rollout ", rollout.row.id));
}

void RolloutDriver::Answer(std::string_view device, std::string_view model_sha256,
                           fleet::v1::CheckInResponse& response) {
  const base::MutexLock lock(fleet_.mutex);
  if (!Fresh().ok() || rollouts_.empty()) return;
  const Rollout& rollout = rollouts_.back();
  response.set_stop(Stops(rollout.state()));
  if (!Offers(rollout.state())) return;
  const int own = rollout.WaveOf(std::string(device));
  if (own < 0 || static_cast<size_t>(own) >= rollout.row.waves_opened.size()) return;
  const auto wave = static_cast<size_t>(own);
  // Done, unless the device has lost what it had installed.
  if (const auto it = rollout.receipts.find(device);
      it != rollout.receipts.end() && (!Passed(it->second) || model_sha256 == rollout.plan.model_sha256)) {
    return;
  }
  response.set_plan(rollout.row.plan);
  const size_t needed = rollout.plan.waves[wave].passes_needed;
  if (wave == 0 || needed == 0) return;
  const size_t most = std::min(needed + kSpareReceipts, kMostReceipts);
  for (const repo::ReceiptRow* pass : ReceiptsFor(rollout, wave)) {
    if (response.receipts_size() == static_cast<int>(most)) break;
    fleet::v1::Receipt& receipt = *response.add_receipts();
    receipt.set_device_id(pass->device);
    receipt.set_plan_sha256(rollout.row.plan_sha256);
    receipt.set_model_sha256(rollout.plan.model_sha256);
    receipt.set_outcome(static_cast<fleet::v1::Outcome>(pass->outcome));
    receipt.set_counter(pass->counter);
    receipt.set_signature(pass->signature);
    receipt.add_certificate_chain(pass->leaf);
    if (!pass->intermediate.empty()) receipt.add_certificate_chain(pass->intermediate);
  }
}

absl::Status RolloutDriver::VerifyReceipt(const Rollout& rollout, std::string_view device,
                                          const fleet::v1::Receipt& receipt) const {
  if (receipt.device_id() != device)
    return absl::PermissionDeniedError("receipt: of another device than the sender");
  if (receipt.model_sha256() != rollout.plan.model_sha256) {
    return absl::FailedPreconditionError("receipt: its model is not the plan's");
  }
  if (receipt.outcome() == fleet::v1::OUTCOME_UNSPECIFIED) {
    return absl::InvalidArgumentError("receipt: no outcome");
  }
  std::vector<base::Certificate> chain;
  for (const std::string& der : receipt.certificate_chain()) {
    LINNET_ASSIGN_OR_RETURN(base::Certificate certificate, base::Certificate::FromDer(der));
    chain.push_back(std::move(certificate));
  }
  // A receipt may come up long after it was signed; what counts is whose key it is.
  const auto name =
      base::VerifyChain(chain, fleet_root_, base::CertificateUse::kClient, base::kDeviceUri, clock_.Now(),
                        /*allow_expired=*/true);
  if (!name.ok()) return absl::PermissionDeniedError(absl::StrCat("receipt: ", base::Message(name.status())));
  if (*name != base::Hex(device))
    return absl::PermissionDeniedError("receipt: certificate of another device");
  const absl::Status signature = chain[0].public_key().VerifyRaw(
      trust::ReceiptMessage(device, receipt.plan_sha256(), receipt.model_sha256(),
                            static_cast<uint8_t>(receipt.outcome()), receipt.counter()),
      receipt.signature());
  if (!signature.ok()) return absl::PermissionDeniedError("receipt: its signature is wrong");
  return absl::OkStatus();
}

absl::Status RolloutDriver::Report(std::string_view device, const fleet::v1::ReportRequest& request) {
  if (!request.has_receipt()) return absl::OkStatus();  // progress only: the cohort keeps the state
  const fleet::v1::Receipt& receipt = request.receipt();
  {
    const base::MutexLock lock(fleet_.mutex);
    LINNET_RETURN_IF_ERROR(Fresh());
    const auto it = std::find_if(rollouts_.begin(), rollouts_.end(), [&](const Rollout& r) {
      return r.row.plan_sha256 == receipt.plan_sha256();
    });
    if (it == rollouts_.end()) return absl::NotFoundError("receipt: of a plan that was never started here");
    Rollout& rollout = *it;
    LINNET_RETURN_IF_ERROR(VerifyReceipt(rollout, device, receipt));
    if (const auto known = rollout.receipts.find(device);
        known != rollout.receipts.end() && std::tie(known->second.attempt, known->second.sequence) >=
                                               std::make_tuple(request.attempt(), request.sequence())) {
      return absl::OkStatus();
    }
    const absl::Time now = clock_.Now();
    repo::ReceiptRow row{
        .device = std::string(device),
        .attempt = request.attempt(),
        .sequence = request.sequence(),
        .outcome = receipt.outcome(),
        .reason = request.reason(),
        .counter = receipt.counter(),
        .signature = receipt.signature(),
        .leaf = receipt.certificate_chain(0),
        .intermediate = receipt.certificate_chain_size() > 1 ? receipt.certificate_chain(1) : "",
        .received = now};
    const absl::Status saved = Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) -> absl::Status {
      LINNET_RETURN_IF_ERROR(fleet_.rollouts.PutReceipt(rollout.row.id, row));
      rollout.receipts.insert_or_assign(std::string(device), row);
      // Later waves want to know of it.
      if (rollout.WaveOf(std::string(device)) + 1 < static_cast<int>(rollout.plan.waves.size()))
        ++rollout.heard;
      return Settle(rollout, now);
    });
    if (!saved.ok()) return saved;
  }
  notifiers_.NotifyAll();
  return absl::OkStatus();
}

absl::Time RolloutDriver::Tick() {
  const absl::Time now = clock_.Now();
  absl::Time next = now + absl::Minutes(1);
  bool changed = false;
  {
    const base::MutexLock lock(fleet_.mutex);
    if (!Fresh().ok() || rollouts_.empty() || rollouts_.back().state() != RolloutState::kRunning) return next;
    const uint64_t before = revision_;
    const absl::Status status =
        Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) { return Settle(rollouts_.back(), now); });
    if (!status.ok())
      base::Log(base::Severity::kError, "rollout", {{"error", base::LogValue::Error(status)}});
    changed = revision_ != before;
    const Rollout& rollout = rollouts_.back();
    if (rollout.state() == RolloutState::kRunning) {
      next = std::min({next, rollout.plan.expires, NextWaveOpens(rollout)});
    }
  }
  if (changed) notifiers_.NotifyAll();
  return std::max(next, now + absl::Milliseconds(20));
}

bool RolloutDriver::stopping() {
  const base::MutexLock lock(fleet_.mutex);
  return !rollouts_.empty() && Stops(rollouts_.back().state());
}

uint64_t RolloutDriver::revision() {
  const base::MutexLock lock(fleet_.mutex);
  return revision_;
}

}  // namespace linnet::coordinator
