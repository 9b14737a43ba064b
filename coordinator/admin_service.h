#ifndef LINNET_COORDINATOR_ADMIN_SERVICE_H_
#define LINNET_COORDINATOR_ADMIN_SERVICE_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/content_store.h"
#include "coordinator/enrollment.h"
#include "coordinator/notifier.h"
#include "coordinator/published_log.h"
#include "coordinator/rollout_driver.h"
#include "coordinator/worker.h"
#include "linnet/admin/v1/admin.grpc.pb.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "storage/trust/repository.h"

namespace linnet::coordinator {

// admin.proto, for operators: every call needs a certificate "linnet-operator:" and leaves a line in the
// audit when it changes something.
class AdminService final
    : public admin::v1::Admin::WithRawCallbackMethod_Publish<admin::v1::Admin::CallbackService> {
 public:
  struct Parts {
    base::FileSystem& fs;
    std::string incoming_dir;
    FleetDatabase& fleet;
    Cohort& cohort;
    Enrollment& enrollment;
    RolloutDriver& rollouts;
    trust::Repository& repository;
    const PublishedLog& log;
    ContentStore& content;
    Notifiers& notifiers;
    Worker& worker;
    const base::Clock& clock;
    std::string version;
    absl::Time started;
  };
  explicit AdminService(Parts parts) : parts_(std::move(parts)) {}
  void Close();  // ends open streams

  grpc::ServerUnaryReactor* CreateToken(grpc::CallbackServerContext*, const admin::v1::CreateTokenRequest*,
                                        admin::v1::CreateTokenResponse*) override;
  grpc::ServerUnaryReactor* ListDevices(grpc::CallbackServerContext*, const admin::v1::ListDevicesRequest*,
                                        admin::v1::ListDevicesResponse*) override;
  grpc::ServerUnaryReactor* RevokeDevice(grpc::CallbackServerContext*, const admin::v1::RevokeDeviceRequest*,
                                         admin::v1::RevokeDeviceResponse*) override;
  // Of PublishRequest, to a PublishResponse: runtime/net/stream_message.h says why as bytes.
  grpc::ServerReadReactor<grpc::ByteBuffer>* Publish(grpc::CallbackServerContext*,
                                                     grpc::ByteBuffer*) override;
  grpc::ServerUnaryReactor* GetRepository(grpc::CallbackServerContext*,
                                          const admin::v1::GetRepositoryRequest*,
                                          admin::v1::GetRepositoryResponse*) override;
  grpc::ServerUnaryReactor* StartRollout(grpc::CallbackServerContext*, const admin::v1::StartRolloutRequest*,
                                         admin::v1::StartRolloutResponse*) override;
  grpc::ServerUnaryReactor* StopRollout(grpc::CallbackServerContext*, const admin::v1::StopRolloutRequest*,
                                        admin::v1::StopRolloutResponse*) override;
  grpc::ServerUnaryReactor* PauseRollout(grpc::CallbackServerContext*, const admin::v1::PauseRolloutRequest*,
                                         admin::v1::PauseRolloutResponse*) override;
  grpc::ServerUnaryReactor* ResumeRollout(grpc::CallbackServerContext*,
                                          const admin::v1::ResumeRolloutRequest*,
                                          admin::v1::ResumeRolloutResponse*) override;
  grpc::ServerUnaryReactor* GetPlan(grpc::CallbackServerContext*, const admin::v1::GetPlanRequest*,
                                    admin::v1::GetPlanResponse*) override;
  grpc::ServerUnaryReactor* GetTarget(grpc::CallbackServerContext*, const admin::v1::GetTargetRequest*,
                                      admin::v1::GetTargetResponse*) override;
  grpc::ServerUnaryReactor* ListRollouts(grpc::CallbackServerContext*, const admin::v1::ListRolloutsRequest*,
                                         admin::v1::ListRolloutsResponse*) override;
  grpc::ServerWriteReactor<admin::v1::Rollout>* WatchRollout(grpc::CallbackServerContext*,
                                                             const admin::v1::WatchRolloutRequest*) override;
  grpc::ServerUnaryReactor* ListAudit(grpc::CallbackServerContext*, const admin::v1::ListAuditRequest*,
                                      admin::v1::ListAuditResponse*) override;
  grpc::ServerUnaryReactor* ListPublished(grpc::CallbackServerContext*,
                                          const admin::v1::ListPublishedRequest*,
                                          admin::v1::ListPublishedResponse*) override;
  grpc::ServerUnaryReactor* ListProgress(grpc::CallbackServerContext*, const admin::v1::ListProgressRequest*,
                                         admin::v1::ListProgressResponse*) override;
  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext*, const admin::v1::StatusRequest*,
                                   admin::v1::StatusResponse*) override;

 private:
  friend class PublishStream;
  friend class RolloutStream;

  // The bytes of a published target of the role "plans".
  absl::StatusOr<std::string> SignedPlanFile(const std::vector<trust::TargetInfo>& targets,
                                             std::string_view path, std::string* sha256) const;
  absl::Status DoStartRollout(const std::string& actor, const std::string& plan, std::string& rollout_id);

  const Parts parts_;
  std::atomic<bool> closing_ = false;
  std::atomic<bool> publishing_ = false;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_ADMIN_SERVICE_H_
