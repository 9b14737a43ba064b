// Any bytes as a call of linnet.fleet.v1, from whoever: the coordinator's real service on real databases. It
// answers in time and with a code that fleet.proto documents, what it refuses changes nothing, and who is no
// member gets no further than Enroll and Renew.
//
// flags & 1: a call that has to be proved (Enroll, Renew, a receipt) gets the proofs that belong to the rest
// of what it says, by the keys of a device that may make it: so a search gets behind the signatures.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/status_macros.h"
#include "storage/trust/plan.h"
#include "tests/fuzz/coordinator_world.h"
#include "tests/fuzz/in_process_server.h"
#include "tests/fuzz/service_target.h"

namespace linnet::testing {
namespace {

namespace v1 = fleet::v1;
using grpc::StatusCode;

enum CallerKind : size_t { kNobody, kMember, kCanary, kRevoked, kStranger, kExpired, kOperator };

class Target {
 public:
  Target() { Serve(); }
  void Run(FuzzedCall call);

 private:
  void Serve();
  void Prove(std::string_view method, std::string& message) const;
  void Prove(v1::EnrollRequest& request) const;
  void Prove(v1::RenewRequest& request) const;
  void Prove(v1::ReportRequest& request, size_t caller) const;

  CoordinatorWorld world_;
  std::unique_ptr<InProcessServer> server_;
  std::string rows_;
  size_t caller_ = 0;
};

void Target::Serve() {
  server_ = std::make_unique<InProcessServer>(
      world_.fleet_service(),
      InProcessServer::Options{.descriptor = *v1::EnrollRequest::descriptor()->file()->service(0),
                               .callers = {{},
                                           {world_.member_pem(), ""},
                                           {world_.canary_pem(), ""},
                                           {world_.revoked_pem(), ""},
                                           {world_.stranger_pem(), ""},
                                           {world_.expired_pem(), ""},
                                           {world_.operator_pem(), ""}},
                               .max_request_bytes = 6 << 10,
                               .documented = {StatusCode::INVALID_ARGUMENT, StatusCode::NOT_FOUND,
                                              StatusCode::ALREADY_EXISTS, StatusCode::PERMISSION_DENIED,
                                              StatusCode::UNAUTHENTICATED, StatusCode::FAILED_PRECONDITION},
                               .endless = {"Watch"}});
  rows_ = world_.Rows();
}

void Target::Prove(v1::EnrollRequest& request) const {
  const coordinator::TestDevice& guest = world_.guest();
  request.set_token_id(guest.token->id);
  request.set_public_key(guest.key.public_key().Raw());
  const std::string message = net::EnrollMessage(guest.token->spki_sha256, request.device_id(),
                                                 request.public_key(), request.nonce());
  request.set_mac(net::EnrollMac(guest.token->secret, message));
  request.set_signature(*guest.key.SignRaw(message));
}

void Target::Prove(v1::RenewRequest& request) const {
  if (request.new_public_key().size() == 65)
    request.set_new_public_key(world_.guest().key.public_key().Raw());
  const std::string message =
      net::RenewMessage(request.device_id(), request.new_public_key(), request.nonce());
  request.set_old_signature(*world_.member().key.SignRaw(message));
  request.set_new_signature(*world_.guest().key.SignRaw(message));
}

void Target::Prove(v1::ReportRequest& request, size_t caller) const {
  if (!request.has_receipt()) return;
  const coordinator::TestDevice& device = caller == kCanary ? world_.canary() : world_.member();
  v1::Receipt& receipt = *request.mutable_receipt();
  if (receipt.plan_sha256().size() == 32) receipt.set_plan_sha256(world_.plan_sha256());
  receipt.clear_certificate_chain();
  if (request.protocol() < 2) {  // the newer revision leaves them out
    for (const std::string& der : device.chain) receipt.add_certificate_chain(der);
  }
  receipt.set_signature(*device.key.SignRaw(
      trust::ReceiptMessage(receipt.device_id(), receipt.plan_sha256(), receipt.model_sha256(),
                            static_cast<uint8_t>(receipt.outcome()), receipt.counter())));
}

template <typename Request, typename Prove>
void Change(std::string& message, const Prove& prove) {
  Request request;
  if (!request.ParseFromString(message)) return;
  prove(request);
  message = request.SerializeAsString();
}

void Target::Prove(std::string_view method, std::string& message) const {
  if (method == "Enroll") Change<v1::EnrollRequest>(message, [&](auto& r) { this->Prove(r); });
  if (method == "Renew") Change<v1::RenewRequest>(message, [&](auto& r) { this->Prove(r); });
  if (method == "Report") Change<v1::ReportRequest>(message, [&](auto& r) { this->Prove(r, caller_); });
}

void Target::Run(FuzzedCall call) {
  const std::string method = server_->Method(call).name();
  caller_ = server_->CallerOf(call);
  if ((call.flags & 1) != 0) {
    for (std::string& message : call.messages) Prove(method, message);
  }
  const CallOutcome outcome = server_->Call(call);
  const bool open_to_all = method == "Enroll" || method == "Renew";
  if (!open_to_all && caller_ != kMember && caller_ != kCanary) {
    CheckTurnedAway(outcome);
  }
  const std::string now = world_.Rows();
  if (now == rows_) return;
  LINNET_CHECK(outcome.status.ok());  // what was refused has changed something
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
