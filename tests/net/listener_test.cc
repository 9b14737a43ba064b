#include "runtime/net/listener.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace linnet::net {
namespace {

int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  return fd;
}

// Does the other side close `fd` (true), or does it stay open and receive a byte (false)?
bool ClosedByPeer(int fd) {
  timeval wait{.tv_sec = 5};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  char byte;
  return recv(fd, &byte, 1, 0) != 1;
}

TEST(ListenerTest, RefusesAboveTheCapAndAdmitsAgainAfterOneHasGone) {
  auto listener = Listener::Open("127.0.0.1:0", 2);
  ASSERT_TRUE(listener.ok()) << listener.status();
  std::mutex mutex;
  std::vector<int> held;
  (*listener)->Start([&](int, int fd) {
    const std::lock_guard lock(mutex);
    held.push_back(fd);
    EXPECT_EQ(send(fd, "a", 1, 0), 1);
  });
  const int a = Connect((*listener)->port());
  const int b = Connect((*listener)->port());
  EXPECT_FALSE(ClosedByPeer(a));
  EXPECT_FALSE(ClosedByPeer(b));
  const int c = Connect((*listener)->port());
  EXPECT_TRUE(ClosedByPeer(c));
  {
    const std::lock_guard lock(mutex);
    close(held[0]);
  }
  const int d = Connect((*listener)->port());
  EXPECT_FALSE(ClosedByPeer(d));
  (*listener)->Stop();
  for (const int fd : {a, b, c, d}) close(fd);
  for (size_t i = 1; i < held.size(); ++i) close(held[i]);
}

TEST(ListenerTest, LeavesConnectionsInTheQueueWhileItIsFullAndForgetsWhoHasHungUp) {
  auto listener = Listener::Open("127.0.0.1:0", 10);
  ASSERT_TRUE(listener.ok()) << listener.status();
  std::atomic<bool> full = true;
  std::atomic<int> taken = 0;
  (*listener)->Start(
      [&](int, int fd) {
        ++taken;
        EXPECT_EQ(send(fd, "a", 1, 0), 1);
      },
      [&] { return full.load(); });
  const int impatient = Connect((*listener)->port());  // the kernel takes them
  const int patient = Connect((*listener)->port());
  EXPECT_EQ(send(impatient, "hello", 5, 0), 5);
  close(impatient);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(taken, 0);
  full = false;
  EXPECT_FALSE(ClosedByPeer(patient));
  EXPECT_EQ(taken, 1);  // nobody does a handshake with who has gone
  full = true;
  (*listener)->Stop();  // also while it is full
  close(patient);
}

TEST(ListenerTest, ExplainsBadAddresses) {
  for (const char* address : {"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "example.org:1", ":-1"}) {
    EXPECT_EQ(Listener::Open(address, 1).status().code(), absl::StatusCode::kInvalidArgument) << address;
  }
  EXPECT_EQ(Listener::Open("unix:/" + std::string(200, 'x'), 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Listener::Open("unix:/no/such/folder/socket", 1).status().code(), absl::StatusCode::kNotFound);
}

TEST(ListenerTest, SaysThatThePortIsInUse) {
  auto first = Listener::Open("127.0.0.1:0", 1);
  ASSERT_TRUE(first.ok());
  const auto second = Listener::Open((*first)->address(), 1);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace linnet::net
