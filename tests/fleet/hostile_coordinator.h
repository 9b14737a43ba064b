#ifndef LINNET_TESTS_FLEET_HOSTILE_COORDINATOR_H_
#define LINNET_TESTS_FLEET_HOSTILE_COORDINATOR_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "linnet/fleet/v1/fleet.grpc.pb.h"
#include "runtime/base/clock.h"
#include "runtime/base/keys.h"
#include "runtime/base/mutex.h"
#include "runtime/net/grpc_server.h"
#include "storage/audit/published.h"

namespace linnet::fleet {

// Whoever has the coordinator's host: its address, its certificate and all of its keys (server, snapshot,
// timestamp, device authority). It says what the test wants it to say. What it does not have: offline keys.
class HostileCoordinator final : public fleet::v1::Fleet::Service {
 public:
  // `keys_dir`: what `linnet site init` made for the coordinator, with the site's first online keys;
  // `state_dir`: what the honest one left, of which the log goes on. Serves at `address`, which must be free.
  HostileCoordinator(const std::string& keys_dir, const std::string& state_dir, const std::string& address,
                     const base::Clock& clock);

  // Serves these offline roles (role -> bytes) under a snapshot and a timestamp of its own, newer than any
  // before: with stolen keys they are signed well. Its log has them, too.
  void Serve(const std::map<std::string, std::string>& roles);
  // The same, but to this device only (16 bytes), which from now on is shown another log than the rest.
  void ServeTo(const std::string& device, const std::map<std::string, std::string>& roles);
  // From the next Serve on its snapshots and timestamps say that they were signed so much later than now.
  void DateAhead(absl::Duration by) { ahead_seconds_ = absl::ToInt64Seconds(by); }
  // Sends chunks with this pause before each, and metadata after it.
  void Trickle(absl::Duration pause) { pause_ms_ = absl::ToInt64Milliseconds(pause); }
  // Appends something to the log that this device, or all others (empty), are shown.
  void Pad(const std::string& device);
  // As if it kept no log.
  void HideLog() { log_hidden_ = true; }
  // Devices at these addresses have everything.
  void NamePeers(std::vector<std::string> addresses);
  // That this device said last; 0: none.
  uint32_t PeerPort(const std::string& device);
  void AddFile(std::string_view bytes);  // found by its hash
  void AddModel(std::string_view bytes, std::string_view index_json);
  void Answer(fleet::v1::CheckInResponse answer);
  // A receipt that says `device_id` passed, under a certificate that the stolen authority has issued for
  // `certified_id` and `key`, a fresh one unless the test knows better.
  fleet::v1::Receipt Forge(
      const std::string& device_id, const std::string& certified_id, const std::string& plan_sha256,
      const std::string& model_sha256,
      const base::PrivateKey& key = base::PrivateKey::Generate(base::KeyType::kP256)) const;
  // It speaks no newer revision of fleet.proto than this.
  void Speak(uint32_t newest) { speaks_ = newest; }
  // Whatever it answers goes through this first; empty: nothing is changed.
  void Tamper(std::function<void(google::protobuf::Message&)> tamper);
  // All that it was told: requests as they came; beside them "key: value" of each call; revisions.
  std::vector<std::string> heard();
  std::set<std::string> heard_beside();
  std::set<uint32_t> heard_revisions();
  std::vector<fleet::v1::ReportRequest> reports();
  int check_ins() const { return check_ins_; }
  int metadata_requests() const { return metadata_requests_; }
  int log_requests() const { return log_requests_; }

  grpc::Status CheckIn(grpc::ServerContext*, const fleet::v1::CheckInRequest*,
                       fleet::v1::CheckInResponse*) override;
  grpc::Status GetMetadata(grpc::ServerContext*, const fleet::v1::GetMetadataRequest*,
                           fleet::v1::GetMetadataResponse*) override;
  grpc::Status GetLogProof(grpc::ServerContext*, const fleet::v1::GetLogProofRequest*,
                           fleet::v1::GetLogProofResponse*) override;
  grpc::Status GetPeers(grpc::ServerContext*, const fleet::v1::GetPeersRequest*,
                        fleet::v1::GetPeersResponse*) override;
  grpc::Status GetChunks(grpc::ServerContext*, const fleet::v1::GetChunksRequest*,
                         grpc::ServerWriter<fleet::v1::GetChunksResponse>*) override;
  grpc::Status Report(grpc::ServerContext*, const fleet::v1::ReportRequest*,
                      fleet::v1::ReportResponse*) override;

 private:
  // What some devices are shown.
  struct View {
    std::string timestamp;
    uint64_t timestamp_version = 0;
    std::map<std::pair<std::string, uint64_t>, std::string> metadata;
    std::map<std::pair<std::string, uint64_t>, std::pair<uint64_t, std::string>> entries;  // index, leaf
    audit::MerkleTree tree;

    void Publish(const audit::PublishedFile& file);
  };

  base::PrivateKey OnlineKey(std::string_view role) const;
  View& ViewOf(const std::string& device) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How each call begins and ends.
  grpc::Status Hear(const grpc::ServerContext& context, const google::protobuf::Message& request);
  grpc::Status Say(google::protobuf::Message& response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  View& ViewFor(const grpc::ServerContext& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ServeIn(View& view, const std::map<std::string, std::string>& roles)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string keys_dir_;
  const base::Clock& clock_;
  base::Mutex mutex_;
  uint64_t version_ ABSL_GUARDED_BY(mutex_) = 1'000'000;       // above what the honest one had
  std::map<std::string, View> views_ ABSL_GUARDED_BY(mutex_);  // by device; of all others: ""
  std::map<std::string, uint32_t> peer_ports_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> peers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> chunks_ ABSL_GUARDED_BY(mutex_);
  fleet::v1::CheckInResponse answer_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> check_ins_ = 0, metadata_requests_ = 0, log_requests_ = 0;
  std::atomic<bool> log_hidden_ = false;
  std::atomic<int64_t> ahead_seconds_ = 0, pause_ms_ = 0;
  std::atomic<uint32_t> speaks_ = 2;
  std::function<void(google::protobuf::Message&)> tamper_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> heard_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> beside_ ABSL_GUARDED_BY(mutex_);
  std::set<uint32_t> revisions_ ABSL_GUARDED_BY(mutex_);
  std::vector<fleet::v1::ReportRequest> reports_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<net::GrpcServer> server_;
};

}  // namespace linnet::fleet

#endif  // LINNET_TESTS_FLEET_HOSTILE_COORDINATOR_H_
