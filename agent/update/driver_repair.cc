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

std::string TargetOf(const absl::StatusOr<std::optional<repo::InstalledModel>>& model) {
  return model.ok() && model->has_value() ? (*model)->target : "the model";
}

}  // namespace

absl::Status UpdateDriver::LoadActive() {
  LINNET_ASSIGN_OR_RETURN(repo::ModelSlots slots, Slots());
  // Each round loads the active model or takes one from the slots.
  while (!slots.active.empty() && loaded_ != slots.active) {
    const absl::Status sound = parts_.store.Recheck(slots.active, [&] { return quit_.load(); });
    if (absl::IsCancelled(sound)) return absl::OkStatus();
    // NotFound: known already to be damaged, and the power went before the slots knew.
    const bool damaged = absl::IsDataLoss(sound) || absl::IsNotFound(sound);
    const absl::Status loaded = damaged ? sound : SwitchTo(slots.active);
    if (loaded.ok()) {
      rechecked_ = RawNow();
      return absl::OkStatus();
    }
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

void UpdateDriver::RecheckNowAndThen() {
  const absl::Time now = RawNow();
  if (rechecked_ > now || loaded_.empty()) rechecked_ = now;
  if (now < rechecked_ + kRecheckEvery) return;
  rechecked_ = now;
  const absl::StatusOr<repo::ModelSlots> slots = Slots();
  if (!slots.ok() || slots->active != loaded_) return;
  const absl::Status sound = parts_.store.Recheck(loaded_, [&] { return quit_.load(); });
  if (!absl::IsDataLoss(sound)) return;
  loaded_.clear();
  if (const absl::Status loaded = LoadActive(); !loaded.ok()) SetError(base::Message(loaded));
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
