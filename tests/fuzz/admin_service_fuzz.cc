// Any bytes as a call of linnet.admin.v1, from whoever: the coordinator's real service on real databases. It
// answers in time and with a code that admin.proto documents, what it refuses changes nothing, and who is no
// operator has no answer.
//
// flags & 1, with Publish: the parts of a signed model that is not published yet are sent too, and the call's
// own messages before the one with the number flags >> 1 & 15 (or at the end); flags & 128: instead of that
// one. So a search gets behind the signatures. With ResumeRollout: the rollout was paused before.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "linnet/admin/v1/admin.pb.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/x509.h"
#include "tests/fuzz/coordinator_world.h"
#include "tests/fuzz/in_process_server.h"
#include "tests/fuzz/service_target.h"

namespace linnet::testing {
namespace {

namespace v1 = admin::v1;
using grpc::StatusCode;

constexpr size_t kOperator = 1;
constexpr uint8_t kSigned = 1, kPaused = 1, kInstead = 128;

// What a service sees of a certificate is what it says; the handshake, which is not here, saw who signed it.
std::string Certificate(const std::string& uri, absl::Duration left) {
  const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
  base::CertificateRequest request;
  request.common_name = "fuzz";
  request.use = base::CertificateUse::kAuthority;
  request.not_before = FakeClock().Now() - absl::Hours(2);
  request.not_after = FakeClock().Now() + absl::Hours(1);
  const base::Certificate root = base::IssueSelfSigned(key, request);
  request.use = base::CertificateUse::kClient;
  request.uri = uri;
  request.not_after = FakeClock().Now() + left;
  return base::Issue(root, key, key.public_key(), request)->ToPem();
}

class Target {
 public:
  Target();
  void Run(FuzzedCall call);

 private:
  void Serve();
  void Complete(FuzzedCall& call) const;

  CoordinatorWorld world_;
  const std::string expired_ = Certificate("linnet-operator:operator", -absl::Minutes(1));
  const std::string owner_ = Certificate("linnet-owner:0123456789abcdef", absl::Hours(1));
  std::vector<std::string> signed_;  // PublishRequests, in order
  std::unique_ptr<InProcessServer> server_;
  std::string rows_;
};

Target::Target() {
  const auto add = [this](const v1::PublishRequest& part) { signed_.push_back(part.SerializeAsString()); };
  const trust::Publication& publication = world_.next_model();
  for (const auto& [role, bytes] : publication.metadata) {
    v1::PublishRequest part;
    part.mutable_metadata()->set_role(role);
    part.mutable_metadata()->set_bytes(bytes);
    add(part);
  }
  std::map<std::string, std::string> targets = publication.small_targets;
  targets[publication.targets[0].path] = CoordinatorWorld::ModelBytes("2");
  for (const auto& [name, bytes] : targets) {
    v1::PublishRequest part;
    part.mutable_target()->set_name(name);
    part.mutable_target()->set_size_bytes(bytes.size());
    part.mutable_target()->set_sha256(std::string(base::AsView(base::Sha256(bytes))));
    add(part);
    part.set_target_data(bytes);
    add(part);
  }
  Serve();
}

void Target::Serve() {
  server_ = std::make_unique<InProcessServer>(
      world_.admin_service(),
      InProcessServer::Options{
          .descriptor = *v1::StatusRequest::descriptor()->file()->service(0),
          .callers =
              {{}, {world_.operator_pem(), ""}, {world_.member_pem(), ""}, {expired_, ""}, {owner_, ""}},
          .max_request_bytes = 16 << 10,
          .documented = {StatusCode::INVALID_ARGUMENT, StatusCode::NOT_FOUND, StatusCode::ALREADY_EXISTS,
                         StatusCode::PERMISSION_DENIED, StatusCode::UNAUTHENTICATED,
                         StatusCode::FAILED_PRECONDITION, StatusCode::RESOURCE_EXHAUSTED},
          .endless = {"WatchRollout"}});
  rows_ = world_.Rows();
}

void Target::Complete(FuzzedCall& call) const {
  std::vector<std::string> all = signed_;
  const size_t at = std::min<size_t>(call.flags >> 1 & 15, all.size());
  if ((call.flags & kInstead) != 0 && at < all.size()) all.erase(all.begin() + static_cast<ptrdiff_t>(at));
  all.insert(all.begin() + static_cast<ptrdiff_t>(at), call.messages.begin(), call.messages.end());
  call.messages = std::move(all);
}

void Target::Run(FuzzedCall call) {
  const std::string method = server_->Method(call).name();
  if (method == "Publish" && (call.flags & kSigned) != 0) Complete(call);
  if (method == "ResumeRollout" && (call.flags & kPaused) != 0) {
    world_.Pause();
    rows_ = world_.Rows();
  }
  const CallOutcome outcome = server_->Call(call);
  if (server_->CallerOf(call) != kOperator) {
    CheckTurnedAway(outcome);
  }
  const std::string now = world_.Rows();
  LINNET_CHECK(now == rows_ || outcome.status.ok());  // what was refused has changed something
  const bool paused = method == "ResumeRollout" && (call.flags & kPaused) != 0;
  if (now == rows_ && !paused) return;
  world_.Tick();
  server_.reset();
  world_.Reset();
  Serve();
}

}  // namespace
}  // namespace linnet::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return linnet::testing::RunCall<linnet::testing::Target>(data, size);
}
