#include "coordinator/seen_log.h"

#include <utility>

#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"

namespace linnet::coordinator {

absl::StatusOr<std::unique_ptr<SeenLog>> SeenLog::Open(const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(auto db, db::Database::Open(path, db::Durability::kFull));
  LINNET_RETURN_IF_ERROR(db::Migrate(*db, repo::SightingMigrations()));
  LINNET_ASSIGN_OR_RETURN(repo::Sightings sightings, repo::Sightings::Prepare(*db));
  LINNET_ASSIGN_OR_RETURN(auto loaded, sightings.All());
  std::unique_ptr<SeenLog> log(new SeenLog(std::move(db), std::move(sightings)));
  log->loaded_ = std::move(loaded);
  log->thread_ = std::thread([log = log.get()] { log->Run(); });
  return log;
}

SeenLog::~SeenLog() {
  {
    const base::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.SignalAll();
  if (thread_.joinable()) thread_.join();
}

void SeenLog::Append(std::string device, repo::DeviceReport report, std::function<void()> done) {
  {
    const base::MutexLock lock(mutex_);
    waiting_.push_back({std::move(device), std::move(report), std::move(done)});
  }
  wake_.Signal();
}

absl::Status SeenLog::Write(const std::vector<Item>& items) {
  return db_->Transact([&]() -> absl::Status {
    for (const Item& item : items) LINNET_RETURN_IF_ERROR(sightings_.Put(item.device, item.report));
    return absl::OkStatus();
  });
}

void SeenLog::Run() {
  std::vector<Item> items;
  while (true) {
    {
      const base::MutexLock lock(mutex_);
      while (waiting_.empty() && !stop_) wake_.Wait(mutex_);
      if (waiting_.empty()) return;
      items.swap(waiting_);
    }
    if (const absl::Status saved = Write(items); !saved.ok()) {
      base::Log(base::Severity::kError, "check-ins not saved", {{"error", base::LogValue::Error(saved)}});
    }
    for (const Item& item : items) {
      if (item.done) item.done();
    }
    items.clear();
  }
}

}  // namespace linnet::coordinator
