#include "runtime/net/handshakes.h"

#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "runtime/base/mutex.h"

namespace linnet::net {
namespace {

using SteadyClock = std::chrono::steady_clock;

// How long a silent handshake counts: four times as long as others take, half a second at least (a device
// behind a slow radio answers in that).
constexpr std::chrono::milliseconds kLeastPatience(500);
constexpr int kPatience = 4;
constexpr int kMeanOver = 16;

}  // namespace

struct Handshakes::State {
  struct UnderWay {
    int fd = -1;
    ino_t inode = 0;
    SteadyClock::time_point since;
  };

  explicit State(size_t most_under_way) : most(most_under_way) {}

  uint64_t Add(int fd) {
    struct stat info{};
    fstat(fd, &info);
    const base::MutexLock lock(mutex);
    under_way.emplace(++last, UnderWay{fd, info.st_ino, SteadyClock::now()});
    return last;
  }
  void Remove(uint64_t id, bool finished) {
    const base::MutexLock lock(mutex);
    const auto it = under_way.find(id);
    if (it == under_way.end()) return;
    if (finished) mean += (SteadyClock::now() - it->second.since - mean) / kMeanOver;
    under_way.erase(it);
  }

  const size_t most;
  mutable base::Mutex mutex;
  uint64_t last ABSL_GUARDED_BY(mutex) = 0;
  std::map<uint64_t, UnderWay> under_way ABSL_GUARDED_BY(mutex);  // oldest first
  SteadyClock::duration mean ABSL_GUARDED_BY(mutex){};
};

namespace {

// What an SSL object of a server knows of its place.
struct Place {
  std::shared_ptr<Handshakes::State> state;
  uint64_t id = 0;
};

// The handshake that this thread is about to begin.
struct Beginning {
  std::shared_ptr<Handshakes::State> state;
  int fd = -1;
};
thread_local Beginning* beginning = nullptr;

int Index();

// gRPC sets an info callback of its own, but none for messages.
void OnMessage(int sent, int, int content_type, const void* bytes, size_t size, SSL* ssl, void*) {
  if (sent != 0 || content_type != SSL3_RT_HANDSHAKE || size == 0) return;
  if (*static_cast<const unsigned char*>(bytes) != SSL3_MT_FINISHED) return;
  const auto* place = static_cast<const Place*>(SSL_get_ex_data(ssl, Index()));
  if (place != nullptr) place->state->Remove(place->id, true);
}

void OnNew(void* parent, void*, CRYPTO_EX_DATA* data, int index, long, void*) {
  if (beginning == nullptr || beginning->state == nullptr) return;
  auto* place = new Place{std::move(beginning->state), 0};  // one handshake a connection
  place->id = place->state->Add(beginning->fd);
  CRYPTO_set_ex_data(data, index, place);
  SSL_set_msg_callback(static_cast<SSL*>(parent), OnMessage);
  // Most connections are silent most of the time: their buffers, 17 KiB each way, are not kept meanwhile.
  SSL_set_mode(static_cast<SSL*>(parent), SSL_MODE_RELEASE_BUFFERS);
}

void OnFree(void*, void* pointer, CRYPTO_EX_DATA*, int, long, void*) {
  auto* place = static_cast<Place*>(pointer);
  if (place == nullptr) return;
  place->state->Remove(place->id, false);
  delete place;
}

// Registered once in a process: OpenSSL takes none back.
int Index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, OnNew, nullptr, OnFree);
  return index;
}

// Everything that it sent has been read, and the connection is the one that it was.
bool Silent(int fd, ino_t inode) {
  struct stat info{};
  if (fstat(fd, &info) != 0 || info.st_ino != inode) return true;
  int unread = 0;
  return ioctl(fd, FIONREAD, &unread) != 0 || unread == 0;
}

}  // namespace

Handshakes::Handshakes(size_t most) : state_(std::make_shared<State>(most)) { Index(); }
Handshakes::~Handshakes() = default;

void Handshakes::Begin(int fd, const std::function<void()>& hand_over) {
  Beginning mine{state_, fd};
  beginning = &mine;
  hand_over();
  beginning = nullptr;
}

bool Handshakes::Full() {
  const base::MutexLock lock(state_->mutex);
  if (state_->under_way.size() < state_->most) return false;
  const SteadyClock::time_point now = SteadyClock::now();
  const SteadyClock::duration patience =
      std::max<SteadyClock::duration>(kLeastPatience, state_->mean * kPatience);
  std::erase_if(state_->under_way, [&](const auto& entry) {
    return now - entry.second.since > patience && Silent(entry.second.fd, entry.second.inode);
  });
  return state_->under_way.size() >= state_->most;
}

size_t Handshakes::under_way() const {
  const base::MutexLock lock(state_->mutex);
  return state_->under_way.size();
}

}  // namespace linnet::net
