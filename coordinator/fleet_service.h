#ifndef LINNET_COORDINATOR_FLEET_SERVICE_H_
#define LINNET_COORDINATOR_FLEET_SERVICE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "coordinator/callers.h"
#include "coordinator/content_store.h"
#include "coordinator/enrollment.h"
#include "coordinator/notifier.h"
#include "coordinator/published_log.h"
#include "coordinator/rollout_driver.h"
#include "coordinator/seen_log.h"
#include "coordinator/swarm.h"
#include "coordinator/worker.h"
#include "linnet/fleet/v1/fleet.grpc.pb.h"
#include "runtime/base/clock.h"
#include "storage/trust/repository.h"

namespace linnet::coordinator {

class ChunkStream;
class WatchStream;

// fleet.proto, for devices. Enroll and Renew prove themselves; all else needs a device's certificate. Every
// request has passed CheckRequest before anything is done with it.
class FleetService final : public fleet::v1::Fleet::CallbackService {
 public:
  struct Parts {
    FleetDatabase& fleet;
    Cohort& cohort;
    SeenLog& seen;
    Enrollment& enrollment;
    RolloutDriver& rollouts;
    trust::Repository& repository;
    const PublishedLog& log;
    const ContentStore& content;
    Notifiers& notifiers;
    Worker& worker;
    const base::Clock& clock;
    uint32_t check_in_seconds = 900;
  };
  explicit FleetService(Parts parts);

  // Of chunks, since the start.
  uint64_t chunk_bytes_sent() const { return chunk_bytes_sent_; }

  // Ends open streams, so that the server can shut down at once.
  void Close();

  grpc::ServerUnaryReactor* Enroll(grpc::CallbackServerContext*, const fleet::v1::EnrollRequest*,
                                   fleet::v1::EnrollResponse*) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext*, const fleet::v1::RenewRequest*,
                                  fleet::v1::EnrollResponse*) override;
  grpc::ServerUnaryReactor* CheckIn(grpc::CallbackServerContext*, const fleet::v1::CheckInRequest*,
                                    fleet::v1::CheckInResponse*) override;
  grpc::ServerWriteReactor<fleet::v1::WatchResponse>* Watch(grpc::CallbackServerContext*,
                                                            const fleet::v1::WatchRequest*) override;
  grpc::ServerUnaryReactor* GetMetadata(grpc::CallbackServerContext*, const fleet::v1::GetMetadataRequest*,
                                        fleet::v1::GetMetadataResponse*) override;
  grpc::ServerUnaryReactor* GetLogProof(grpc::CallbackServerContext*, const fleet::v1::GetLogProofRequest*,
                                        fleet::v1::GetLogProofResponse*) override;
  grpc::ServerWriteReactor<fleet::v1::GetChunksResponse>* GetChunks(
      grpc::CallbackServerContext*, const fleet::v1::GetChunksRequest*) override;
  grpc::ServerUnaryReactor* GetPeers(grpc::CallbackServerContext*, const fleet::v1::GetPeersRequest*,
                                     fleet::v1::GetPeersResponse*) override;
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext*, const fleet::v1::ReportRequest*,
                                   fleet::v1::ReportResponse*) override;

 private:
  friend class ChunkStream;
  friend class WatchStream;

  absl::StatusOr<std::string> Device(const grpc::CallbackServerContext& context,
                                     const google::protobuf::Message& request);
  void Answer(const std::string& device, const repo::DeviceReport& report,
              fleet::v1::CheckInResponse& response);
  absl::Status DoGetMetadata(const fleet::v1::GetMetadataRequest& request,
                             fleet::v1::GetMetadataResponse& response);
  absl::Status DoReport(const std::string& device, const fleet::v1::ReportRequest& request);
  bool IsMember(const std::string& device);
  // Remembers it at once; `done` when it is on the disk, too.
  void Saw(const std::string& device, repo::DeviceReport report, std::function<void()> done);
  void Gone(const std::string& device, const WatchStream* stream);

  const Parts parts_;
  KnownCertificates known_;
  std::atomic<bool> closing_ = false;
  Swarm swarm_;
  std::atomic<int> chunk_streams_ = 0;
  std::atomic<uint64_t> chunk_bytes_sent_ = 0;
  base::Mutex watches_mutex_;
  std::map<std::string, WatchStream*> watches_ ABSL_GUARDED_BY(watches_mutex_);  // one a device
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_FLEET_SERVICE_H_
