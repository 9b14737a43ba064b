#include "runtime/base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"

namespace linnet::base {
namespace {

constexpr ThreadPool::Order kOrders[] = {ThreadPool::Order::kOneAfterTheOther, ThreadPool::Order::kStretches};

TEST(ThreadPoolTest, EveryElementIsDoneOnceInPiecesOfTheStep) {
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const size_t n : {0, 1, 7, 8, 9, 63, 64, 65, 1000}) {
      for (const ThreadPool::Order order : kOrders) {
        std::vector<int> done(n, 0);
        const auto piece = [&](size_t begin, size_t end) {
          EXPECT_LT(begin, end);
          EXPECT_EQ(begin % 8, 0u);
          EXPECT_TRUE(end % 8 == 0 || end == n);
          for (size_t i = begin; i < end; ++i) ++done[i];
        };
        pool.Run(n, 8, piece, order);
        for (const int d : done) ASSERT_EQ(d, 1);
      }
    }
  }
}

TEST(ThreadPoolTest, ManyRunsInARowAndAfterSleep) {
  ThreadPool pool(3);
  std::vector<uint64_t> sums(300, 0);
  for (int round = 1; round <= 2000; ++round) {
    if (round % 500 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the workers fall asleep
    const auto piece = [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) sums[i] += i;
    };
    pool.Run(sums.size(), 1, piece, kOrders[round % 2]);
  }
  for (size_t i = 0; i < sums.size(); ++i) ASSERT_EQ(sums[i], 2000 * i);
}

TEST(ThreadPoolTest, AThreadThatIsHeldUpHoldsUpOnlyItsPiece) {
  ThreadPool pool(2);
  for (int round = 0; round < 50; ++round) {
    std::atomic<size_t> done{0};
    // Whoever has the first piece keeps it until all the others are done.
    const auto piece = [&](size_t begin, size_t end) {
      if (begin == 0) {
        while (done.load() < 64 - end) std::this_thread::yield();
      }
      done += end - begin;
    };
    pool.Run(64, 1, piece, kOrders[round % 2]);
    ASSERT_EQ(done.load(), 64u);
  }
}

TEST(ThreadPoolTest, AThreadGoesThroughItsStretchFromTheBeginningOn) {
  constexpr size_t kThreads = 3, kRows = 300;
  ThreadPool pool(kThreads);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::thread::id> who(kRows);
    std::atomic<size_t> begun{0};
    const auto piece = [&](size_t begin, size_t end) {
      std::fill(who.begin() + static_cast<ptrdiff_t>(begin), who.begin() + static_cast<ptrdiff_t>(end),
                std::this_thread::get_id());
      if (end - begin == kRows) begun = kThreads;  // the others were late lately: the caller alone does it
      // Nobody is early enough to help another.
      if (begin % (kRows / kThreads) == 0) ++begun;
      while (begun.load() < kThreads) std::this_thread::yield();
    };
    pool.Run(kRows, 1, piece, ThreadPool::Order::kStretches);
    // The caller's is the first; at least its first half is its own.
    for (size_t i = 0; i < kRows / kThreads / 2; ++i) ASSERT_EQ(who[i], std::this_thread::get_id());
    for (size_t t = 0; t < kThreads; ++t) {
      const size_t from = t * (kRows / kThreads);
      for (size_t i = 1; i < kRows / kThreads / 2; ++i) ASSERT_EQ(who[from + i], who[from]);
    }
  }
}

TEST(ThreadPoolTest, SoManyTakePartAsAreWanted) {
  ThreadPool pool(4);
  const auto run = [&] {
    std::vector<int> done(100, 0);
    pool.Run(done.size(), 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) ++done[i];
    });
    for (const int d : done) ASSERT_EQ(d, 1);
  };
  for (int round = 0; round < 200; ++round) {
    for (const int threads : {1, 3, 4, 2, 9, 0}) {
      pool.Limit(threads);
      const uint64_t barriers = pool.barriers();
      run();
      ASSERT_TRUE(threads > 1 || pool.barriers() == barriers);  // nobody to wait for
    }
  }
  // One is limited and goes, with workers that sleep.
  for (int round = 0; round < 500; ++round) {
    ThreadPool limited(3);
    limited.Limit(1 + round % 3);
    limited.Run(10, 1, [](size_t, size_t) {});
  }
}

TEST(CoresTest, SmallCoresAreLeftOut) {
  const linnet::testing::TempDir folder;
  const auto cpu = [&](int number, const std::string& core, const std::string& capacity) {
    const std::string path = folder / ("cpu" + std::to_string(number));
    std::filesystem::create_directories(path + "/topology");
    std::ofstream(path + "/topology/physical_package_id") << "0\n";
    if (!core.empty()) std::ofstream(path + "/topology/core_id") << core << "\n";
    if (!capacity.empty()) std::ofstream(path + "/cpu_capacity") << capacity << "\n";
  };
  const std::string& path = folder.path();
  for (const int n : {0, 1, 2, 3}) cpu(n, std::to_string(n), "414");
  for (const int n : {4, 5}) cpu(n, std::to_string(n), "1024");
  EXPECT_EQ(CoresAmong(path, {0, 1, 2, 3, 4, 5}), 2);
  EXPECT_EQ(CoresAmong(path, {0, 1, 2}), 3);   // it may use no others
  for (const int n : {6, 7}) cpu(n, "6", "");  // two threads of a core, and no capacity
  EXPECT_EQ(CoresAmong(path, {6, 7}), 1);
  EXPECT_EQ(CoresAmong(path, {4, 6, 7}), 2);
  EXPECT_EQ(CoresAmong(path, {20, 21}), 2);  // of which nothing is told
  EXPECT_EQ(CoresAmong(path, {}), 1);
}

TEST(ThreadPoolTest, EndsHoweverEarly) {
  // Destroyed while its workers are anywhere between two rounds.
  for (int i = 0; i < 2000; ++i) {
    ThreadPool pool(3);
    for (int round = 0; round < i % 4; ++round) pool.Run(8, 1, [](size_t, size_t) {});
  }
}

TEST(ThreadPoolTest, ABarrierIsARunOfSeveralThreads) {
  ThreadPool one(1), two(2);
  for (ThreadPool* pool : {&one, &two}) {
    pool->Run(1, 1, [](size_t, size_t) {});
    pool->Run(8, 8, [](size_t, size_t) {});
    EXPECT_EQ(pool->barriers(), 0u);
    pool->Run(9, 8, [](size_t, size_t) {});
  }
  EXPECT_EQ(one.barriers(), 0u);
  EXPECT_EQ(two.barriers(), 1u);
}

TEST(ThreadPoolTest, ThereIsAtLeastOneCore) { EXPECT_GE(PhysicalCores(), 1); }

}  // namespace
}  // namespace linnet::base
