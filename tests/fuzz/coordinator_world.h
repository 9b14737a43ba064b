#ifndef LINNET_TESTS_FUZZ_COORDINATOR_WORLD_H_
#define LINNET_TESTS_FUZZ_COORDINATOR_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "coordinator/site_files.h"
#include "storage/trust/online_keys.h"
#include "storage/trust/repository.h"
#include "storage/trust/site.h"
#include "tests/coordinator/test_device.h"
#include "tests/fuzz/database_rows.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace grpc {
class Service;
}

namespace linnet::testing {

// A site and its coordinator, all of it but the listening: two members and one that was revoked, a published
// model whose rollout runs, a token that nobody has used. Ids, names and bytes of the model are always the
// same, so that stored inputs can name them; keys are new in each process.
class CoordinatorWorld {
 public:
  static constexpr char kModelTarget[] = "models/starter/tiny-1.linnet";
  static constexpr char kPlanTarget[] = "plans/70707070707070707070707070707070.json";
  // Of the same model; published, not started. And a lift for the rollout that runs.
  static constexpr char kNextPlanTarget[] = "plans/71717171717171717171717171717171.json";
  static constexpr char kLiftTarget[] = "plans/70707070707070707070707070707070.lift-1-1893456000.json";
  static std::string ModelBytes(const std::string& version);
  static std::string MemberId() { return std::string(16, 'm'); }

  CoordinatorWorld();
  ~CoordinatorWorld();

  // Of the coordinator as it runs now: until Reset.
  grpc::Service& fleet_service();
  grpc::Service& admin_service();
  // Members, tokens, rollouts, content and what was published, as hashes, and the names and sizes of all
  // files: what a refused call leaves alone. Not over what members say of themselves, nor over the audit.
  std::string Rows();
  // As an operator would.
  void Pause();
  // What the coordinator does by the clock; nothing does it by itself here.
  void Tick();
  // All as it was at first.
  void Reset();

  const coordinator::TestDevice& member() const { return member_; }
  const coordinator::TestDevice& canary() const { return canary_; }
  const coordinator::TestDevice& revoked() const { return revoked_; }
  const coordinator::TestDevice& guest() const { return guest_; }  // has the unused token
  std::string member_pem() const { return Pem(member_); }
  std::string canary_pem() const { return Pem(canary_); }
  std::string revoked_pem() const { return Pem(revoked_); }
  // Certificates that a handshake would refuse, or let pass though nobody here knows the device.
  std::string stranger_pem() const { return stranger_pem_; }
  std::string expired_pem() const { return expired_pem_; }
  std::string operator_pem() const { return operator_pem_; }
  std::string plan_sha256() const { return plan_sha256_; }
  std::string next_plan_sha256() const { return next_plan_sha256_; }
  std::string model_sha256() const;
  // What whoever has the coordinator's machine finds there; the clock stands still.
  const coordinator::SiteFiles& site_files() const;
  trust::OnlineKeys online_keys() const;
  std::string tuf_root() const;  // version 1, the only one
  trust::Repository::Versions published() const;
  absl::Time now() const { return clock_.Now(); }
  // Signed, complete, and not yet published.
  const trust::Publication& next_model() const { return next_model_; }

 private:
  struct Running;
  static std::string Pem(const coordinator::TestDevice& device);
  void Open();
  void Publish(const trust::Publication& publication, const std::string& model_bytes);
  void Join(coordinator::TestDevice& device, const std::string& name);
  trust::Publication SignModel(const std::string& version);
  trust::Plan PlanFor(const trust::TargetInfo& model, char id) const;
  void Begin();

  TempDir dir_{/*in_memory=*/true};
  FakeClock clock_;
  std::unique_ptr<trust::Site> site_;
  std::unique_ptr<Running> running_;
  std::unique_ptr<DatabaseRows> fleet_rows_, content_rows_, published_rows_;
  coordinator::TestDevice member_, canary_, revoked_, guest_;
  std::string stranger_pem_, expired_pem_, operator_pem_, plan_sha256_, next_plan_sha256_;
  trust::Publication next_model_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_COORDINATOR_WORLD_H_
