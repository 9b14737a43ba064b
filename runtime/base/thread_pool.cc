#include "runtime/base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::base {
namespace {

// How long a thread looks for work before it sleeps: a few matrix products' worth, so that the workers stay
// awake between the steps of one token and sleep between requests.
constexpr auto kSpin = std::chrono::microseconds(30);

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Going on alone: for so many Runs after a wait that was too long, twice as many after each further one.
constexpr uint32_t kAloneAtFirst = 16, kAloneAtMost = 1024;

using Clock = std::chrono::steady_clock;

// What is left of a stretch.
constexpr uint64_t Left(uint64_t begin, uint64_t end) { return end << 32 | begin; }

// True when `done` held within kSpin.
template <typename Done>
bool SpinUntil(Done done) {
  const auto end = Clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      Pause();
    }
  } while (Clock::now() < end);
  return done();
}

}  // namespace

int CoresAmong(const std::string& folder, const std::vector<int>& cpus) {
  // Relative speed, 1024 for the fastest; told only where cores differ.
  std::vector<int> capacities;
  for (const int cpu : cpus) {
    int capacity = 1024;
    std::ifstream(folder + "/cpu" + std::to_string(cpu) + "/cpu_capacity") >> capacity;
    capacities.push_back(capacity > 0 ? capacity : 1024);
  }
  const int largest = capacities.empty() ? 0 : *std::max_element(capacities.begin(), capacities.end());
  std::set<std::pair<std::string, std::string>> cores;
  for (size_t i = 0; i < cpus.size(); ++i) {
    if (2 * capacities[i] < largest) continue;
    const std::string cpu = "cpu" + std::to_string(cpus[i]);
    std::string package, core;
    std::ifstream(folder + "/" + cpu + "/topology/physical_package_id") >> package;
    std::ifstream(folder + "/" + cpu + "/topology/core_id") >> core;
    if (core.empty()) core = cpu;  // not told: count it as its own
    cores.emplace(std::move(package), std::move(core));
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
}

int PhysicalCores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 1;
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return CoresAmong("/sys/devices/system/cpu", cpus);
}

// A Run is open from when its pieces are there until none is left to take. Workers come in while it is open;
// the caller waits for those inside, not for those that never came. Invariant: the first six members change
// only while the Run is closed and nobody is inside. It holds because a worker counts itself in before it
// looks whether the Run is open, and the caller closes before it looks who is inside (both seq_cst).
struct ThreadPool::State {
  size_t n = 0, step = 1;
  Order order = Order::kOneAfterTheOther;
  Call* call = nullptr;
  const void* context = nullptr;
  size_t active = 1;

  // Workers from this number on are not wanted, and sleep on it.
  alignas(64) std::atomic<size_t> wanted{1};

  alignas(64) std::atomic<size_t> next{0};  // the first element that nobody has taken
  alignas(64) std::atomic<uint32_t> round{0};
  std::atomic<bool> open{false}, stop{false};
  alignas(64) std::atomic<uint32_t> inside{0};

  // Of Order::kStretches: what is left of each thread's own stretch, its end in the upper half; in steps.
  struct alignas(64) Stretch {
    std::atomic<uint64_t> left{0};
  };
  std::vector<Stretch> stretches;
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  const auto all = static_cast<size_t>(std::max(1, threads));
  state_->active = all;
  state_->stretches = std::vector<State::Stretch>(all);
  state_->wanted.store(all);
  for (size_t i = 1; i < all; ++i) workers_.emplace_back([this, i] { Work(i); });
}

ThreadPool::~ThreadPool() {
  state_->stop.store(true);
  state_->round.fetch_add(1);
  state_->round.notify_all();
  state_->wanted.store(SIZE_MAX);
  state_->wanted.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Limit(int threads) {
  const size_t wanted = std::clamp<size_t>(static_cast<size_t>(std::max(1, threads)), 1, workers_.size() + 1);
  if (state_->active == wanted) return;
  state_->active = wanted;  // no Run is open
  state_->wanted.store(wanted);
  state_->wanted.notify_all();
}

// Large pieces first, small ones at the end, so that all finish at about the same time.
void ThreadPool::TakePieces(size_t index) {
  State& s = *state_;
  if (s.order == Order::kStretches) {
    for (size_t i = 0; i < s.active; ++i) TakeFrom((index + i) % s.active, i == 0);
    return;
  }
  size_t begin = s.next.load(std::memory_order_relaxed);
  while (begin < s.n) {
    const size_t fair = (s.n - begin) / (2 * s.active) / s.step * s.step;
    const size_t end = std::min(s.n, begin + std::max(s.step, fair));
    if (!s.next.compare_exchange_weak(begin, end, std::memory_order_relaxed)) continue;
    s.call(s.context, begin, end);
    begin = s.next.load(std::memory_order_relaxed);
  }
}

// Half of what is left, again and again: the owner from the beginning on, others from the end.
void ThreadPool::TakeFrom(size_t owner, bool own) {
  State& s = *state_;
  std::atomic<uint64_t>& left = s.stretches[owner].left;
  uint64_t now = left.load(std::memory_order_relaxed);
  while (true) {
    const uint64_t begin = now & UINT32_MAX, end = now >> 32;
    if (begin >= end) return;
    const uint64_t take = (end - begin + 1) / 2;
    const uint64_t border = own ? begin + take : end - take;
    const uint64_t rest = own ? Left(border, end) : Left(begin, border);
    if (!left.compare_exchange_weak(now, rest, std::memory_order_relaxed)) continue;
    s.call(s.context, (own ? begin : border) * s.step, std::min(s.n, (own ? border : end) * s.step));
    now = left.load(std::memory_order_relaxed);
  }
}

void ThreadPool::Work(size_t index) {
  State& s = *state_;
  uint32_t seen = 0;
  while (true) {
    for (size_t wanted = s.wanted.load(); index >= wanted; wanted = s.wanted.load()) s.wanted.wait(wanted);
    if (!SpinUntil([&] { return s.round.load() != seen; })) s.round.wait(seen);
    seen = s.round.load();
    // After `seen`: the round that the destructor begins has `stop` set already. The other way round, a
    // worker that came from another round could take that one for seen, and sleep for ever.
    if (s.stop.load()) return;
    s.inside.fetch_add(1);
    if (s.open.load()) TakePieces(index);
    if (s.inside.fetch_sub(1) == 1) s.inside.notify_one();
  }
}

void ThreadPool::RunShare(size_t n, size_t step, Order order, Call* call, const void* context) {
  if (n == 0) return;
  if (state_->active == 1 || n <= step) {
    call(context, 0, n);
    return;
  }
  if (alone_ > 0) {
    --alone_;
    call(context, 0, n);
    return;
  }
  ++barriers_;
  State& s = *state_;
  const auto start = Clock::now();
  s.n = n;
  s.step = step;
  s.order = order;
  s.call = call;
  s.context = context;
  s.next.store(0, std::memory_order_relaxed);
  if (order == Order::kStretches) {
    const uint64_t steps = (n + step - 1) / step;
    LINNET_CHECK(steps <= UINT32_MAX);
    for (uint64_t i = 0; i < s.active; ++i) {
      const uint64_t left = Left(steps * i / s.active, steps * (i + 1) / s.active);
      s.stretches[i].left.store(left, std::memory_order_relaxed);
    }
  }
  s.open.store(true);
  s.round.fetch_add(1);
  s.round.notify_all();
  TakePieces(0);
  s.open.store(false);
  const auto worked = Clock::now();
  if (!SpinUntil([&] { return s.inside.load() == 0; })) {
    while (const uint32_t inside = s.inside.load()) s.inside.wait(inside);
  }
  // The others have at most a last piece each: waiting for it much longer than for all of one's own means
  // that they do not get to run.
  const auto waited = Clock::now() - worked;
  if (waited > 2 * (worked - start) + 3 * kSpin) {
    last_alone_ = std::clamp(2 * last_alone_, kAloneAtFirst, kAloneAtMost);
    alone_ = last_alone_;
  } else if (last_alone_ > 0) {
    --last_alone_;
  }
}

}  // namespace linnet::base
