#include "tests/perf/fleet_sim/load.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/mutex.h"

namespace linnet::fleet_sim {
namespace {

double MillisSince(SteadyClock::time_point begin) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - begin).count();
}

// Counts what comes back; knows when nothing is under way.
class Collector {
 public:
  void Begun() {
    const base::MutexLock lock(mutex_);
    ++under_way_;
  }
  void Done(double millis, const grpc::Status& status) {
    const base::MutexLock lock(mutex_);
    if (status.ok()) {
      tally_.millis.push_back(millis);
    } else {
      ++tally_.errors[absl::StrCat(status.error_code(), " ", status.error_message())];
    }
    if (--under_way_ == 0) idle_.SignalAll();
  }
  void Released() {  // begun, but no call
    const base::MutexLock lock(mutex_);
    if (--under_way_ == 0) idle_.SignalAll();
  }
  Tally Finish(SteadyClock::time_point begin) {
    const base::MutexLock lock(mutex_);
    while (under_way_ > 0) idle_.Wait(mutex_);
    tally_.seconds = MillisSince(begin) / 1000;
    return std::move(tally_);
  }

 private:
  base::Mutex mutex_;
  base::CondVar idle_;
  size_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  Tally tally_ ABSL_GUARDED_BY(mutex_);
};

// Begins the next call whenever one of its own is done.
class Lane : public std::enable_shared_from_this<Lane> {
 public:
  struct Shared {
    Collector collector;
    std::atomic<size_t> next = 0;
    size_t total = 0;
    SteadyClock::time_point end;
    const Begin* begin = nullptr;
  };
  explicit Lane(Shared& shared) : shared_(shared) {}

  void Go() {
    const size_t n = shared_.next++;
    if (n >= shared_.total || SteadyClock::now() >= shared_.end) return;
    shared_.collector.Begun();
    const SteadyClock::time_point begin = SteadyClock::now();
    (*shared_.begin)(n, [self = shared_from_this(), begin](const grpc::Status& status) {
      const double millis = MillisSince(begin);
      self->Go();  // first: the phase is not over while this lane goes on
      self->shared_.collector.Done(millis, status);
    });
  }

 private:
  Shared& shared_;
};

}  // namespace

double Tally::Percentile(double percent) {
  if (millis.empty()) return 0;
  std::sort(millis.begin(), millis.end());
  const auto index = static_cast<size_t>(percent / 100 * static_cast<double>(millis.size()));
  return millis[std::min(index, millis.size() - 1)];
}

std::string Tally::ToString() {
  std::string out = absl::StrFormat("%.0f/s (%d in %.1f s), p50 %.1f ms, p99 %.1f ms, max %.1f ms", Rate(),
                                    millis.size(), seconds, Percentile(50), Percentile(99), Percentile(100));
  for (const auto& [message, times] : errors) absl::StrAppend(&out, "; ", times, " x error ", message);
  return out;
}

Tally ClosedLoop(size_t width, size_t total, double seconds, const Begin& begin) {
  Lane::Shared shared;
  shared.total = total;
  const SteadyClock::time_point start = SteadyClock::now();
  shared.end = start + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
  shared.begin = &begin;
  shared.collector.Begun();
  for (size_t i = 0; i < width; ++i) std::make_shared<Lane>(shared)->Go();
  shared.collector.Released();
  return shared.collector.Finish(start);
}

Tally OpenLoop(double rate, double seconds, const Begin& begin) {
  Collector collector;
  const SteadyClock::time_point start = SteadyClock::now();
  const auto total = static_cast<size_t>(rate * seconds);
  for (size_t n = 0; n < total; ++n) {
    const SteadyClock::time_point due =
        start + std::chrono::nanoseconds(static_cast<int64_t>(1e9 * static_cast<double>(n) / rate));
    std::this_thread::sleep_until(due);
    collector.Begun();
    begin(n, [&collector, due](const grpc::Status& status) { collector.Done(MillisSince(due), status); });
  }
  return collector.Finish(start);
}

}  // namespace linnet::fleet_sim
