#ifndef LINNET_TESTS_FLEET_HOSTILE_COORDINATOR_H_
#define LINNET_TESTS_FLEET_HOSTILE_COORDINATOR_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "linnet/fleet/v1/fleet.grpc.pb.h"
#include "runtime/base/clock.h"
#include "runtime/base/keys.h"
#include "runtime/base/mutex.h"
#include "runtime/net/grpc_server.h"

namespace linnet::fleet {

// Whoever has the coordinator's host: its address, its certificate and all of its keys (server, snapshot,
// timestamp, device authority). It says what the test wants it to say. What it does not have: offline keys.
class HostileCoordinator final : public fleet::v1::Fleet::Service {
 public:
  // `keys_dir`: what `linnet site init` made for the coordinator. Serves at `address`, which must be free.
  HostileCoordinator(const std::string& keys_dir, const std::string& address, const base::Clock& clock);

  // Serves these offline roles (role -> bytes) under a snapshot and a timestamp of its own, newer than any
  // before: with stolen keys they are signed well.
  void Serve(const std::map<std::string, std::string>& roles);
  void AddFile(std::string_view bytes);  // found by its hash
  void AddModel(std::string_view bytes, std::string_view index_json);
  void Answer(fleet::v1::CheckInResponse answer);
  // A receipt that says `device_id` passed, under a certificate that the stolen authority has issued for
  // `certified_id` and `key`, a fresh one unless the test knows better.
  fleet::v1::Receipt Forge(
      const std::string& device_id, const std::string& certified_id, const std::string& plan_sha256,
      const std::string& model_sha256,
      const base::PrivateKey& key = base::PrivateKey::Generate(base::KeyType::kP256)) const;
  int check_ins() const { return check_ins_; }
  int metadata_requests() const { return metadata_requests_; }

  grpc::Status CheckIn(grpc::ServerContext*, const fleet::v1::CheckInRequest*,
                       fleet::v1::CheckInResponse*) override;
  grpc::Status GetMetadata(grpc::ServerContext*, const fleet::v1::GetMetadataRequest*,
                           fleet::v1::GetMetadataResponse*) override;
  grpc::Status GetChunks(grpc::ServerContext*, const fleet::v1::GetChunksRequest*,
                         grpc::ServerWriter<fleet::v1::GetChunksResponse>*) override;
  grpc::Status Report(grpc::ServerContext*, const fleet::v1::ReportRequest*,
                      fleet::v1::ReportResponse*) override;

 private:
  base::PrivateKey Key(const std::string& name) const;

  const std::string keys_dir_;
  const base::Clock& clock_;
  base::Mutex mutex_;
  uint64_t version_ ABSL_GUARDED_BY(mutex_) = 1'000;  // above what the honest one had
  std::string timestamp_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, uint64_t>, std::string> metadata_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> chunks_ ABSL_GUARDED_BY(mutex_);
  fleet::v1::CheckInResponse answer_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> check_ins_ = 0, metadata_requests_ = 0;
  std::unique_ptr<net::GrpcServer> server_;
};

}  // namespace linnet::fleet

#endif  // LINNET_TESTS_FLEET_HOSTILE_COORDINATOR_H_
