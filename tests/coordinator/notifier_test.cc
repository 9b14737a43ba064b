#include "coordinator/notifier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <utility>

namespace linnet::coordinator {
namespace {

TEST(NotifierTest, WhoeverNotifiesDoesNotWaitUntilAllAreTold) {
  Notifier notifier;
  std::promise<void> begun, go_on, others;
  std::atomic<int> told = 0;
  const uint64_t slow = notifier.Subscribe([&] {
    if (told++ > 0) return;
    begun.set_value();
    go_on.get_future().wait();
  });
  const uint64_t other = notifier.Subscribe([&, done = false]() mutable {
    if (!std::exchange(done, true)) others.set_value();
  });
  notifier.Notify();  // returns while the first of them is told
  begun.get_future().wait();
  // Nor do those who come and go meanwhile.
  notifier.Unsubscribe(notifier.Subscribe([] {}));
  go_on.set_value();
  others.get_future().wait();
  notifier.Unsubscribe(slow);
  notifier.Unsubscribe(other);
}

TEST(NotifierTest, WhatChangesWhileOneIsToldIsToldAgain) {
  Notifier notifier;
  std::promise<void> begun, go_on, again;
  int told = 0;
  const uint64_t id = notifier.Subscribe([&] {
    if (++told == 1) {
      begun.set_value();
      go_on.get_future().wait();
    } else if (told == 2) {
      again.set_value();
    }
  });
  notifier.Notify();
  begun.get_future().wait();
  notifier.Notify();
  notifier.Notify();
  go_on.set_value();
  again.get_future().wait();
  notifier.Unsubscribe(id);
}

TEST(NotifierTest, NobodyIsToldAfterUnsubscribe) {
  Notifier notifier;
  std::promise<void> begun, go_on;
  std::atomic<bool> running = false;
  const uint64_t id = notifier.Subscribe([&] {
    running = true;
    begun.set_value();
    go_on.get_future().wait();
    running = false;
  });
  notifier.Notify();
  begun.get_future().wait();
  auto gone = std::async(std::launch::async, [&] {
    notifier.Unsubscribe(id);
    return running.load();
  });
  go_on.set_value();
  EXPECT_FALSE(gone.get());  // it waited for the one that was under way
  notifier.Notify();         // would set `begun` twice
}

}  // namespace
}  // namespace linnet::coordinator
