#include "coordinator/seen_log.h"

#include <chrono>
#include <iterator>
#include <utility>

#include "absl/time/time.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"

namespace linnet::coordinator {
namespace {

// SQLite's log begins anew at its front only when all of it is in the file at a moment when nobody writes.
// The copying thread does the bulk of it while commits go on; what was committed meanwhile the committing
// thread copies itself. That takes two syncs more, which those who check in then wait for: with 16 MiB, some
// hundred commits, it is rare enough to be no part of the 99 %.
constexpr size_t kPagesBeforeCopy = 4096;
constexpr int64_t kMostLogBytes = 32 << 20;
// A commit begins at the soonest so long after the one before. Many disks take as long for a sync; where one
// takes less, many small commits would cost the CPU more than the time is worth.
constexpr absl::Duration kBetweenCommits = absl::Milliseconds(4);
// Of a commit beside its rows, and rows in a page: added, moved to the end and dropped (sightings.h).
constexpr size_t kPagesOfCommit = 6;
constexpr size_t kRowsInPage = 8;

void LogError(const absl::Status& status) {
  if (status.ok()) return;
  base::Log(base::Severity::kError, "check-ins not saved", {{"error", base::LogValue::Error(status)}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<SeenLog>> SeenLog::Open(const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(auto db, db::Database::Open(path, db::Durability::kFull));
  LINNET_RETURN_IF_ERROR(db::Migrate(*db, repo::SightingMigrations()));
  LINNET_ASSIGN_OR_RETURN(auto copier, db::Database::Open(path, db::Durability::kFull));
  LINNET_RETURN_IF_ERROR(repo::CopyBackByHand(*db, kMostLogBytes));
  LINNET_RETURN_IF_ERROR(repo::CopyBackByHand(*copier, kMostLogBytes));
  LINNET_RETURN_IF_ERROR(repo::CopyBack(*db).status());  // what the last run left
  LINNET_ASSIGN_OR_RETURN(repo::Sightings sightings, repo::Sightings::Prepare(*db));
  LINNET_ASSIGN_OR_RETURN(auto loaded, sightings.All());
  std::unique_ptr<SeenLog> log(new SeenLog(std::move(db), std::move(sightings), std::move(copier)));
  log->loaded_ = std::move(loaded);
  log->committing_ = std::thread([log = log.get()] { log->CommitRun(); });
  log->answering_ = std::thread([log = log.get()] { log->AnswerRun(); });
  log->copying_back_ = std::thread([log = log.get()] { log->CopyRun(); });
  return log;
}

SeenLog::~SeenLog() {
  {
    const base::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.SignalAll();
  copy_.SignalAll();
  committing_.join();
  {
    const base::MutexLock lock(mutex_);
    committed_all_ = true;
  }
  answer_.SignalAll();
  answering_.join();
  copying_back_.join();
}

void SeenLog::Append(std::string device, repo::DeviceReport report, std::function<void()> done) {
  bool first = false;
  {
    const base::MutexLock lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back({std::move(device), std::move(report), std::move(done)});
  }
  if (first) wake_.Signal();
}

absl::Status SeenLog::Write(const std::vector<Item>& items) {
  absl::Status saved = db_->Transact([&]() -> absl::Status {
    for (const Item& item : items) LINNET_RETURN_IF_ERROR(sightings_.Put(item.device, item.report));
    return sightings_.Tidy(2 * static_cast<int64_t>(items.size()));
  });
  if (!saved.ok()) LogError(sightings_.Reload());
  return saved;
}

void SeenLog::CommitRun() {
  using SteadyClock = std::chrono::steady_clock;
  SteadyClock::time_point next;
  std::vector<Item> items;
  while (true) {
    {
      const base::MutexLock lock(mutex_);
      while (waiting_.empty() && !stop_) wake_.Wait(mutex_);
      if (waiting_.empty()) return;
    }
    std::this_thread::sleep_until(next);
    next = SteadyClock::now() + absl::ToChronoMilliseconds(kBetweenCommits);
    {
      const base::MutexLock lock(mutex_);
      items.swap(waiting_);
    }
    LogError(Write(items));
    const size_t written = items.size();
    {
      const base::MutexLock lock(mutex_);
      saved_.insert(saved_.end(), std::make_move_iterator(items.begin()),
                    std::make_move_iterator(items.end()));
    }
    answer_.Signal();
    items.clear();
    CopyBackAfter(written);
  }
}

void SeenLog::CopyBackAfter(size_t items) {
  log_pages_ += kPagesOfCommit + items / kRowsInPage;
  if (log_pages_ < kPagesBeforeCopy) return;
  {
    const base::MutexLock lock(mutex_);
    if (copying_ == Copying::kIdle) {
      copying_ = Copying::kWanted;
      copy_.Signal();
    }
    if (copying_ == Copying::kWanted) return;  // the other thread is at it
    copying_ = Copying::kIdle;
  }
  // The rest. Where somebody reads the file, the log begins anew another time.
  LogError(repo::CopyBack(*db_).status());
  log_pages_ = 0;
}

void SeenLog::AnswerRun() {
  std::vector<Item> items;
  while (true) {
    {
      const base::MutexLock lock(mutex_);
      while (saved_.empty() && !committed_all_) answer_.Wait(mutex_);
      if (saved_.empty()) return;
      items.swap(saved_);
    }
    for (const Item& item : items) {
      if (item.done) item.done();
    }
    items.clear();
  }
}

void SeenLog::CopyRun() {
  while (true) {
    {
      const base::MutexLock lock(mutex_);
      while (copying_ != Copying::kWanted && !stop_) copy_.Wait(mutex_);
      if (stop_) return;
    }
    // Twice: the second time little is left, and so little comes while it is copied.
    for (int i = 0; i < 2; ++i) LogError(repo::CopyBack(*copier_).status());
    const base::MutexLock lock(mutex_);
    copying_ = Copying::kRest;
  }
}

}  // namespace linnet::coordinator
