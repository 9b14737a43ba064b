#ifndef LINNET_TESTS_COORDINATOR_FLEET_FIXTURE_H_
#define LINNET_TESTS_COORDINATOR_FLEET_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/coordinator.h"
#include "linnet/admin/v1/admin.grpc.pb.h"
#include "linnet/fleet/v1/fleet.grpc.pb.h"
#include "runtime/net/tls.h"
#include "storage/trust/online_keys.h"
#include "storage/trust/site.h"
#include "tests/coordinator/test_device.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace linnet::coordinator {

// A site, a coordinator on free ports of loopback, an operator, and devices; all on one fake clock.
class FleetFixture : public ::testing::Test {
 protected:
  using Fleet = fleet::v1::Fleet;
  using Admin = admin::v1::Admin;

  FleetFixture();
  ~FleetFixture() override;
  void StartCoordinator();
  void RestartCoordinator() {
    admin_.reset();
    coordinator_.reset();
    StartCoordinator();
  }

  std::unique_ptr<Fleet::Stub> Anonymous();
  std::unique_ptr<Fleet::Stub> As(const TestDevice& device);
  std::unique_ptr<Fleet::Stub> FleetWith(std::optional<net::TlsIdentity> identity);
  std::unique_ptr<Admin::Stub> AdminWith(std::optional<net::TlsIdentity> identity);
  Admin::Stub& admin() { return *admin_; }
  net::TlsIdentity OperatorIdentity() const;

  // gRPC's own status; the answer is in the out parameter.
  grpc::Status Enroll(TestDevice& device);
  grpc::Status Renew(TestDevice& device, const base::PrivateKey& new_key);
  grpc::Status CheckIn(const TestDevice& device, fleet::v1::CheckInResponse* response,
                       fleet::v1::CheckInRequest request = {});
  grpc::Status Report(const TestDevice& device, const fleet::v1::ReportRequest& request);
  // Token and Enroll, both expected to work.
  std::unique_ptr<TestDevice> NewDevice(const std::string& name);
  std::unique_ptr<TestDevice> DeviceWithToken(const std::string& name, uint64_t valid_seconds = 0);

  // A published model of a few bytes, cut into small chunks.
  struct Model {
    std::string bytes, index_json, target, sha256;
    trust::Publication publication;
  };
  Model SignModel(const std::string& version, size_t size_bytes = 10'000, uint32_t chunk_bytes = 4096);
  grpc::Status PublishParts(const std::map<std::string, std::string>& metadata,
                            const std::map<std::string, std::string>& targets, bool files_are_lost = false);
  grpc::Status Publish(const Model& model);
  // Canaries by id and key, then all; published, not started.
  struct SignedPlan {
    trust::Plan plan;
    std::string target, json, sha256;
  };
  SignedPlan PublishPlan(const Model& model, std::vector<const TestDevice*> canaries,
                         absl::Duration soak = absl::ZeroDuration(), uint32_t most_failures = 1,
                         uint64_t release_counter = 1);
  // The same, with these waves.
  SignedPlan PublishWaves(const Model& model, std::vector<trust::PlanWave> waves, uint32_t most_failures,
                          uint64_t release_counter = 1);
  // What a plan says of its key, 64 hex digits.
  static std::string PinOf(const TestDevice& device);
  grpc::Status Start(const SignedPlan& plan);
  std::map<std::string, std::string> CurrentMetadata();
  // That the site's root names, from the coordinator's folder.
  trust::OnlineKeys OnlineKeysNow() const;
  // New keys for the coordinator and a root that names them, signed, published.
  grpc::Status RotateOnlineKeys(const std::vector<std::string>& roles = {"snapshot", "timestamp"});
  admin::v1::Rollout NewestRollout();

  testing::FakeClock clock_;
  testing::TempDir dir_;
  std::unique_ptr<trust::Site> site_;
  CoordinatorConfig config_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Admin::Stub> admin_;
};

// A deadline for every call of a test.
struct Context : grpc::ClientContext {
  Context() { set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20)); }
};

}  // namespace linnet::coordinator

#endif  // LINNET_TESTS_COORDINATOR_FLEET_FIXTURE_H_
