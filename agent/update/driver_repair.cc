// A model that was committed here, and whose file has rotted since: the one before answers, while the bad
// chunks are fetched again from whoever has them.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/update/update_driver.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::update {
namespace {

// After a repair that did not come to its end (nobody has the chunks, the disk is full).
constexpr absl::Duration kRepairPause = absl::Hours(1);
// A daemon may run for months, and flash rots meanwhile.
constexpr absl::Duration kRecheckEvery = absl::Hours(24 * 7);
// When the file could not be read: so often, at first.
constexpr int kMostRechecks = 3;
constexpr absl::Duration kRecheckSoon = absl::Seconds(1), kRecheckPause = absl::Minutes(10);
// Of the active model at a start, when the disk is at fault: then the device goes on without, and takes the
// next update.
constexpr int kMostLoads = 6;

bool IsDisksFault(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

bool IsDamage(const absl::Status& status) {
  // NotFound: known already to be damaged, and the power went before the slots knew.
  return absl::IsDataLoss(status) || absl::IsNotFound(status);
}

std::string TargetOf(const absl::StatusOr<std::optional<repo::InstalledModel>>& model) {
  return model.ok() && model->has_value() ? (*model)->target : "the model";
}

}  // namespace

absl::Status UpdateDriver::LoadActive(absl::Status known) {
  LINNET_ASSIGN_OR_RETURN(repo::ModelSlots slots, Slots());
  // What was committed was hashed when it came, and answers before all of it is read again. Not so the one
  // before, once a file has been found damaged here.
  bool at_once = known.ok() && !slots.trial;
  // Each round loads the active model or takes one from the slots.
  for (; !slots.active.empty() && loaded_ != slots.active; at_once = false) {
    if (at_once) {
      const absl::Status loaded = SwitchTo(slots.active);
      if (loaded.ok()) rechecked_ = absl::InfinitePast();  // soon
      if (loaded.ok() || IsDisksFault(loaded)) return loaded;
    }
    absl::Status sound = std::exchange(known, absl::OkStatus());
    if (sound.ok()) sound = parts_.store.Recheck(slots.active, [&] { return quit_.load(); });
    if (absl::IsCancelled(sound)) return absl::OkStatus();
    const bool damaged = IsDamage(sound);
    if (!sound.ok() && !damaged) return sound;
    const absl::Status loaded = damaged ? sound : SwitchTo(slots.active);
    if (loaded.ok()) rechecked_ = RawNow();
    if (loaded.ok() || IsDisksFault(loaded)) return loaded;
    if (slots.trial && state_ < State::kCommit) {
      Break(damaged ? Reason::kHashMismatch : Reason::kWillNotLoad, base::Message(loaded));
      if (state_ == State::kRollback) DoRollback();
      return absl::OkStatus();
    }
    if (!damaged) return LoadPreviousInstead(slots, loaded);
    if (slots.trial) DoCommit();  // decided before the file rotted
    LINNET_RETURN_IF_ERROR(FallBack(loaded));
    LINNET_ASSIGN_OR_RETURN(slots, Slots());
  }
  return slots.active.empty() ? SwitchTo("") : absl::OkStatus();
}

absl::Status UpdateDriver::LoadAtStart() {
  const absl::Status loaded = LoadActive();
  if (!IsDisksFault(loaded)) {
    failed_loads_ = 0;
    return loaded;
  }
  LINNET_ASSIGN_OR_RETURN(const repo::ModelSlots slots, Slots());
  if (++failed_loads_ < kMostLoads) {
    if (slots.trial && loaded_.empty()) SwitchTo(slots.previous).IgnoreError();
    return loaded;
  }
  failed_loads_ = 0;
  if (slots.trial && state_ < State::kCommit) {
    Break(NotLoaded(loaded), base::Message(loaded));
    if (state_ == State::kRollback) DoRollback();
    return absl::OkStatus();
  }
  // A file that cannot be read at any time has rotted, too: that is how flash says so. Not where descriptors
  // or memory are short.
  if (absl::IsUnavailable(loaded)) {
    LoadActive(absl::DataLossError(base::Message(loaded))).IgnoreError();
    const absl::StatusOr<repo::ModelSlots> now = Slots();
    if (now.ok() && now->active != slots.active) return absl::OkStatus();  // or LoadAgain will
  }
  return LoadPreviousInstead(slots, loaded);
}

void UpdateDriver::LoadAgain() {
  const absl::StatusOr<repo::ModelSlots> slots = Slots();
  if (!slots.ok() || slots->active.empty()) return;
  const absl::Status loaded = SwitchTo(slots->active);
  // A file that only does not load is not hashed each time.
  if (absl::IsNotFound(loaded)) LoadActive().IgnoreError();
  if (!loaded.ok()) return;
  rechecked_ = absl::InfinitePast();
  failure_ = slots->damaged.empty() ? "" : damage_;
  SetError(failure_);
}

absl::Status UpdateDriver::FallBack(const absl::Status& why) {
  std::string was;
  repo::ModelSlots slots;
  LINNET_RETURN_IF_ERROR(parts_.state.Write([&]() -> absl::Status {
    repo::Models models(parts_.state.db());
    LINNET_ASSIGN_OR_RETURN(slots, models.Slots());
    if (slots.trial) return absl::FailedPreconditionError("a model on trial is rolled back");
    was = TargetOf(models.Find(slots.active));
    return models.FallBack();
  }));
  base::Log(base::Severity::kError, "model_damaged",
            {{"model", base::LogValue::Id(was)}, {"error", base::LogValue::Error(why)}});
  damage_ = absl::StrCat(was, ": its file is damaged (", base::Message(why), "); ",
                         slots.previous.empty() ? "no other is here" : "the one before answers",
                         ", and what is bad is fetched again");
  failure_ = damage_;
  SetError(failure_);
  return absl::OkStatus();
}

absl::Status UpdateDriver::LoadPreviousInstead(const repo::ModelSlots& slots, const absl::Status& why) {
  failure_ = absl::StrCat("the active model does not load: ", base::Message(why));
  // For this run only: its file is good, so nothing is repaired, and the next start tries it again.
  if (!slots.previous.empty() && parts_.store.Recheck(slots.previous, [&] { return quit_.load(); }).ok() &&
      SwitchTo(slots.previous).ok()) {
    absl::StrAppend(&failure_, "; the one before answers");
  }
  SetError(failure_);
  return absl::OkStatus();  // the device goes on, and takes the next update
}

bool UpdateDriver::RecheckIsDue() {
  if (state_ >= State::kActivate && state_ != State::kReport) return false;
  const absl::Time now = RawNow();
  if (rechecked_ > now || loaded_.empty()) rechecked_ = now;
  return now >= rechecked_ + kRecheckEvery;
}

absl::Duration UpdateDriver::Recheck() {
  const auto stop = [&] { return quit_.load(); };
  rechecked_ = RawNow();
  const absl::StatusOr<repo::ModelSlots> slots = Slots();
  if (slots.ok() && slots->active != loaded_)
    return absl::ZeroDuration();  // the one before, which was hashed
  absl::Status sound = slots.ok() ? parts_.store.Recheck(loaded_, stop) : slots.status();
  if (sound.ok() || absl::IsCancelled(sound)) {
    failed_rechecks_ = 0;
    return absl::ZeroDuration();
  }
  if (!IsDamage(sound)) {
    base::Log(base::Severity::kWarning, "model_not_rechecked", {{"error", base::LogValue::Error(sound)}});
    const bool again = ++failed_rechecks_ < kMostRechecks;
    // What can never be read will kill whoever has it mapped. But only for another that can be read: a model
    // that answers is better than none.
    const bool rotten = !again && slots.ok() && absl::IsUnavailable(sound) && !slots->previous.empty() &&
                        parts_.store.Recheck(slots->previous, stop).ok();
    if (!rotten) {
      rechecked_ -= kRecheckEvery - (again ? kRecheckSoon : kRecheckPause);
      return again ? kRecheckSoon : absl::ZeroDuration();
    }
    sound = absl::DataLossError(base::Message(sound));
  }
  failed_rechecks_ = 0;
  loaded_.clear();
  if (const absl::Status loaded = LoadActive(sound); !loaded.ok()) {
    SwitchTo("").IgnoreError();  // what nobody signed is not run
    SetError(base::Message(loaded));
  }
  return absl::ZeroDuration();
}

absl::Duration UpdateDriver::UntilRepair() {
  const absl::StatusOr<repo::ModelSlots> slots = Slots();
  if (!slots.ok() || slots->damaged.empty() || absl::IsPermissionDenied(CheckNotRevoked())) {
    return absl::InfiniteDuration();
  }
  const absl::Time now = RawNow();
  if (next_repair_ - now > 2 * kRepairPause) next_repair_ = now;  // the clock was set back
  return std::max(next_repair_ - now, absl::ZeroDuration());
}

absl::Duration UpdateDriver::BeginRepair() {
  next_repair_ = RawNow() + kRepairPause;
  std::optional<repo::InstalledModel> model;
  const absl::Status found = parts_.state.Write([&]() -> absl::Status {
    repo::Models models(parts_.state.db());
    LINNET_ASSIGN_OR_RETURN(const repo::ModelSlots slots, models.Slots());
    LINNET_ASSIGN_OR_RETURN(model, models.Find(slots.damaged));
    // An older program was here meanwhile, and knew of no repairs.
    return model.has_value() ? absl::OkStatus() : models.ForgetDamaged();
  });
  if (!found.ok() || !model.has_value()) return Then(found);
  const absl::StatusOr<chunks::ChunkIndex> index = parts_.store.IndexOf(model->sha256);
  if (!index.ok()) {
    SetError(absl::StrCat(model->target, ": cannot be repaired: ", base::Message(index.status()),
                          "; install it from a bundle, or roll out another release"));
    return absl::ZeroDuration();
  }
  return Then(Advance(Event::kDamaged, [&](repo::UpdateAttempt& a) {
    a.model_target = model->target;
    a.model_sha256 = model->sha256;
    a.model_license = model->license;
    a.model_bytes = model->bytes;
    a.release_counter = model->release_counter;
    a.index_json = index->ToJson();
  }));
}

absl::Status UpdateDriver::LeaveRepair() {
  if (!repairing_) return absl::OkStatus();
  StopHere();
  if (state_ != State::kReport) return absl::UnavailableError(last_error());
  return Advance(Event::kReported);
}

}  // namespace linnet::update
