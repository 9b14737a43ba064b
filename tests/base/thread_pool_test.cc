#include "runtime/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace linnet::base {
namespace {

TEST(ThreadPoolTest, EveryElementIsDoneOnceInPiecesOfTheStep) {
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const size_t n : {0, 1, 7, 8, 9, 63, 64, 65, 1000}) {
      std::vector<int> done(n, 0);
      pool.Run(n, 8, [&](size_t begin, size_t end) {
        EXPECT_EQ(begin % 8, 0u);
        EXPECT_TRUE(end % 8 == 0 || end == n);
        for (size_t i = begin; i < end; ++i) ++done[i];
      });
      for (const int d : done) ASSERT_EQ(d, 1);
    }
  }
}

TEST(ThreadPoolTest, ManyRunsInARowAndAfterSleep) {
  ThreadPool pool(3);
  std::vector<uint64_t> sums(300, 0);
  for (int round = 1; round <= 2000; ++round) {
    if (round % 500 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the workers fall asleep
    pool.Run(sums.size(), 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) sums[i] += i;
    });
  }
  for (size_t i = 0; i < sums.size(); ++i) ASSERT_EQ(sums[i], 2000 * i);
}

TEST(ThreadPoolTest, AThreadThatIsHeldUpHoldsUpOnlyItsPiece) {
  ThreadPool pool(2);
  for (int round = 0; round < 50; ++round) {
    std::atomic<size_t> done{0};
    // Whoever has the first piece keeps it until all the others are done.
    pool.Run(64, 1, [&](size_t begin, size_t end) {
      if (begin == 0) {
        while (done.load() < 64 - end) std::this_thread::yield();
      }
      done += end - begin;
    });
    ASSERT_EQ(done.load(), 64u);
  }
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
