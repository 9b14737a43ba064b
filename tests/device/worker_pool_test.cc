#include "agent/device/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace linnet::device {
namespace {

TEST(WorkerPoolTest, RunsEverythingThatItTookBeforeItStops) {
  std::atomic<int> ran{0};
  {
    WorkerPool pool(3, 1'000);
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(pool.Post([&] { ++ran; }));
  }
  EXPECT_EQ(ran, 500);
}

TEST(WorkerPoolTest, RefusesWhatIsTooMuchAndWhatIsTooLate) {
  WorkerPool pool(1, 2);
  std::promise<void> begun, go;
  ASSERT_TRUE(pool.Post([&] {
    begun.set_value();
    go.get_future().wait();
  }));
  begun.get_future().wait();
  EXPECT_TRUE(pool.Post([] {}));
  EXPECT_TRUE(pool.Post([] {}));
  EXPECT_FALSE(pool.Post([] { FAIL(); }));
  go.set_value();
  pool.Stop();
  EXPECT_FALSE(pool.Post([] { FAIL(); }));
}

TEST(WorkerPoolTest, JobsThatWaitForEachOtherRunSideBySide) {
  WorkerPool pool(2, 10);
  std::promise<void> one, two;
  std::promise<void> done;
  ASSERT_TRUE(pool.Post([&] {
    one.set_value();
    two.get_future().wait();
    done.set_value();
  }));
  ASSERT_TRUE(pool.Post([&] {
    one.get_future().wait();
    two.set_value();
  }));
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace linnet::device
