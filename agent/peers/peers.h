#ifndef LINNET_AGENT_PEERS_PEERS_H_
#define LINNET_AGENT_PEERS_PEERS_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/peers/peer_door.h"
#include "agent/peers/peer_options.h"
#include "agent/peers/peer_pool.h"
#include "agent/peers/peer_source.h"
#include "agent/peers/shelf.h"
#include "runtime/base/file_system.h"
#include "runtime/base/mutex.h"

namespace linnet::peers {

// What a device does with others of its fleet: the door where it serves them, and the source that fetches
// from them. Thread-safe.
class Peers {
 public:
  struct Parts {
    base::FileSystem& fs;
    std::string models_dir, db_path;  // the chunk store's
    const chunks::PartialChunks& partial;
    std::function<absl::Time()> now;
    PeerPool::Admit admit;
    CountServed count_served;
    ChunkCoordinator& coordinator;
    HeadExchange heads;
  };
  static absl::StatusOr<std::unique_ptr<Peers>> Create(PeerOptions options, Parts parts);
  ~Peers();

  // The port at which the door is open, opened anew where identity or address have changed; 0: it cannot be
  // opened (the log says why, once). `coordinator`: what gRPC calls the connection to it.
  int Serve(const PeerIdentity& identity, const std::string& coordinator);
  // Whether this device has anything to do with peers: "auto" knows after Serve.
  bool wanted() const { return wanted_; }
  // For the chunks of this file, until the next call. Of the thread that fetches.
  chunks::ChunkSource& Of(std::string_view file_sha256);

  void Shutdown();

 private:
  explicit Peers(PeerOptions options) : options_(std::move(options)), wanted_(options_.listen != "auto") {}
  static bool AutoIsOn(const PeerIdentity& identity, const std::string& coordinator);
  absl::StatusOr<std::string> AddressFor(const std::string& coordinator) const;

  const PeerOptions options_;
  std::atomic<bool> wanted_;
  std::function<absl::Time()> now_;
  HeadExchange heads_;
  CountServed count_served_;
  std::unique_ptr<Shelf> shelf_;
  std::unique_ptr<PeerPool> pool_;
  std::unique_ptr<PeerSource> source_;
  base::Mutex mutex_;
  bool down_ ABSL_GUARDED_BY(mutex_) = false;
  std::string identity_ ABSL_GUARDED_BY(mutex_);  // the chain that pool and door show
  std::string asked_ ABSL_GUARDED_BY(mutex_);     // the address that the door was opened for
  std::string said_ ABSL_GUARDED_BY(mutex_);      // the last thing that went wrong
  std::unique_ptr<PeerDoor> door_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_PEERS_H_
