// DOWNLOAD: chunks from whoever has them, until they are all here, somebody says stop, or a newer plan waits.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/update/deadlines.h"
#include "agent/update/plan_check.h"
#include "agent/update/timed_link.h"
#include "agent/update/update_driver.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/plan.h"

namespace linnet::update {
namespace {

// A source that keeps sending wrong bytes, a disk that stays full.
constexpr uint32_t kMostWrongTries = 4;
// How often a download that goes well writes down how long it has taken.
constexpr absl::Duration kSaveEvery = absl::Minutes(10);

// Asks `before` ahead of each batch, between two calls to the source, and passes on.
class AskingSource final : public chunks::ChunkSource {
 public:
  AskingSource(chunks::ChunkSource& source, std::function<absl::Status()> before)
      : source_(source), before_(std::move(before)) {}
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) override {
    LINNET_RETURN_IF_ERROR(before_());
    return source_.Fetch(sha256, on_chunk);
  }

 private:
  chunks::ChunkSource& source_;
  const std::function<absl::Status()> before_;
};

}  // namespace

bool UpdateDriver::PlanHasExpired() const {
  if (attempt_->plan_json.empty()) return false;
  const absl::StatusOr<trust::Plan> plan = trust::Plan::FromJson(attempt_->plan_json);
  return plan.ok() && Now() >= plan->expires;
}

bool UpdateDriver::NewerPlanWaits() {
  if (!CheckIsDue()) return false;
  next_check_ = RawNow() + options_.poll;
  const absl::StatusOr<Credentials> credentials = parts_.link.credentials();
  if (!credentials.ok()) return false;
  const absl::StatusOr<CheckInAnswer> answer = CheckIn();
  if (!answer.ok() || answer->stop || answer->plan.empty() || answer->plan == attempt_->plan_path) {
    return false;
  }
  // A hint. It ends nothing before this device has seen for itself what is signed, and that it would follow
  // it.
  TimedLink link(parts_.link, parts_.clock, kLookTime);
  const absl::StatusOr<std::unique_ptr<trust::Updater>> updater = trust::Updater::Open(trust_, Now());
  if (!updater.ok() || !(*updater)->Refresh(link.metadata()).ok()) return false;
  const absl::StatusOr<PlanVerdict> verdict = Judge(*answer, **updater, link, *credentials);
  if (!verdict.ok() || (verdict->event != Event::kAccepted && verdict->event != Event::kPresent))
    return false;
  const absl::StatusOr<trust::Plan> newer = trust::Plan::FromJson(verdict->attempt.plan_json);
  if (!newer.ok()) return false;
  // Else two plans that both hold could be named in turn for ever. A repair gives way to each.
  if (const absl::StatusOr<trust::Plan> ours = trust::Plan::FromJson(attempt_->plan_json);
      ours.ok() && newer->created <= ours->created) {
    return false;
  }
  newer_plan_ = newer->id;
  return true;
}

absl::Duration UpdateDriver::Supersede() {
  const std::string message =
      absl::StrCat(attempt_->model_target, ": not installed: the newer plan ", newer_plan_, " is followed");
  CheckSoon();
  return EndUnjudged(Reason::kStopped, message);
}

absl::Duration UpdateDriver::DoDownload() {
  if (Stopped()) return StopHere();
  if (NewerPlanWaits()) return Supersede();
  if (PlanHasExpired()) {
    return EndUnjudged(Reason::kExpired,
                       absl::StrCat(attempt_->model_target, ": its plan expired before all of it was here"));
  }
  const absl::StatusOr<chunks::ChunkIndex> index = chunks::ChunkIndex::FromJson(attempt_->index_json);
  if (!index.ok()) return Break(Reason::kHashMismatch, base::Message(index.status()));
  bool newer = false;
  AskingSource source(parts_.link.ChunksOf(index->file_sha256), [&]() -> absl::Status {
    CountTime();
    if (state_time_ - attempt_->state_time >= kSaveEvery) {
      LINNET_RETURN_IF_ERROR(SaveAttempt([](repo::UpdateAttempt&) {}));
    }
    if (IsOverdue() || PlanHasExpired()) return absl::DeadlineExceededError("this download's time is over");
    newer = NewerPlanWaits();
    return newer ? absl::CancelledError("a newer plan waits") : absl::OkStatus();
  });
  uint64_t first = UINT64_MAX, done = 0;
  const auto progress = [&](uint64_t bytes, uint64_t) {
    first = std::min(first, bytes);
    done = bytes;
  };
  const absl::StatusOr<std::string> path =
      parts_.store.Complete(*index, source, progress, [&] { return Stopped() || quit_; });
  if (path.ok()) {
    SetError("");
    return Then(Advance(Event::kComplete));
  }
  if (quit_) return absl::InfiniteDuration();
  if (Stopped()) return StopHere();
  if (newer) return Supersede();
  if (IsOverdue() || PlanHasExpired()) return absl::ZeroDuration();  // the next step says so
  const absl::Status& status = path.status();
  if (first != UINT64_MAX && done > first && attempt_->tries > 0) {
    const absl::Status saved = SaveAttempt([](repo::UpdateAttempt& a) { a.tries = 0; });
    if (!saved.ok()) return Then(saved);
  }
  if (absl::IsDataLoss(status) && attempt_->tries + 1 >= kMostWrongTries) {
    return Break(Reason::kHashMismatch, base::Message(status));
  }
  if (absl::IsResourceExhausted(status)) {
    Collect();
    if (attempt_->tries + 1 >= kMostWrongTries) return Break(Reason::kNoSpace, base::Message(status));
  }
  if (attempt_->tries + 1 >= kMostSilentTries) return Break(Reason::kDownloadFailed, base::Message(status));
  return Retry(status);
}

}  // namespace linnet::update
