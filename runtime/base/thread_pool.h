#ifndef LINNET_RUNTIME_BASE_THREAD_POOL_H_
#define LINNET_RUNTIME_BASE_THREAD_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace linnet::base {

// Physical cores that this process may use; at least 1. Where cores differ, small ones are left out: of a
// product's pieces they would have the last.
int PhysicalCores();
// The same of these CPUs, as `folder` (/sys/devices/system/cpu) describes them.
int CoresAmong(const std::string& folder, const std::vector<int>& cpus);

// Persistent threads that share out the work of one function at a time. Pieces are handed out as threads come
// for them, so one that the system lets wait holds up no more than the piece it has; who does what is chance,
// and no piece depends on another: results are the same for every number of threads. When waiting for the
// others costs more than they do, because something else keeps their cores busy, the caller goes on alone for
// a while. Run is for one caller at a time; the pool may be made and destroyed anywhere.
class ThreadPool {
 public:
  // `threads` >= 1, the caller's included.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // From now on so many take part (1 to threads()), the caller included; the others sleep.
  void Limit(int threads);

  // Who takes which pieces. One after the other: each thread the next one of all. Stretches: each has a part
  // of its own, as long as the others', and goes through it from the beginning on; who is done with that
  // helps the others from their ends on. So a thread goes on where memory was asked ahead by itself.
  enum class Order : uint8_t { kOneAfterTheOther, kStretches };

  // Runs share(begin, end) over [0, n) in consecutive pieces whose borders are multiples of `step`, on any of
  // the threads, and returns when all are done. Allocates nothing.
  template <typename Share>
  void Run(size_t n, size_t step, const Share& share, Order order = Order::kOneAfterTheOther) {
    const auto call = [](const void* context, size_t begin, size_t end) {
      (*static_cast<const Share*>(context))(begin, end);
    };
    RunShare(n, step, order, call, &share);
  }

  // How many Runs had more than one thread so far: each is a barrier. The caller's to read.
  uint64_t barriers() const { return barriers_; }

 private:
  using Call = void(const void* context, size_t begin, size_t end);
  struct State;
  void RunShare(size_t n, size_t step, Order order, Call* call, const void* context);
  void Work(size_t index);
  void TakePieces(size_t index);  // thread's
  // Of `owner`'s stretch.
  void TakeFrom(size_t owner, bool own);

  std::unique_ptr<State> state_;
  std::vector<std::thread> workers_;
  uint64_t barriers_ = 0;
  uint32_t alone_ = 0;       // Runs that the caller does by itself next
  uint32_t last_alone_ = 0;  // how many it was the last time
};

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_THREAD_POOL_H_
