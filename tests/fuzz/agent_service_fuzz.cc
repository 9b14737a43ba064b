// Any bytes as a call of linnet.agent.v1, from whoever: a device's real service with a small model, on real
// databases. It answers in time and with a code that agent.proto documents, what it refuses changes nothing,
// and who has no grant, or one without the call's scope, has no answer.
//
// flags & 1, with RevokeGrant: of a grant that there is.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "linnet/agent/v1/agent.pb.h"
#include "runtime/base/status_macros.h"
#include "tests/fuzz/agent_world.h"
#include "tests/fuzz/in_process_server.h"
#include "tests/fuzz/service_target.h"

namespace linnet::testing {
namespace {

namespace v1 = agent::v1;
using grpc::StatusCode;
using owner::Scope;
using owner::Scopes;

// A call is to end in seconds, and a caller may well ask for a novel.
constexpr uint32_t kMostTokens = 16;

// As agent.proto says it.
Scope ScopeOf(const std::string& method) {
  static const std::map<std::string, Scope> kScopes = {{"Generate", Scope::kAsk},
                                                       {"Chat", Scope::kAsk},
                                                       {"Ask", Scope::kAsk},
                                                       {"Ingest", Scope::kIngest},
                                                       {"SetInventory", Scope::kIngest},
                                                       {"SetEntities", Scope::kManage},
                                                       {"ListAnomalies", Scope::kReadData},
                                                       {"ListModels", Scope::kReadData},
                                                       {"PrivacyJournal", Scope::kReadData},
                                                       {"Status", Scope::kMetrics},
                                                       {"CreateGrant", Scope::kManage},
                                                       {"ListGrants", Scope::kManage},
                                                       {"RevokeGrant", Scope::kManage},
                                                       {"CheckForUpdate", Scope::kManage},
                                                       {"OfferModel", Scope::kManage},
                                                       {"ForgetLog", Scope::kManage}};
  return kScopes.at(method);
}

bool Changes(const std::string& method) {
  return method == "Ask" || method == "Ingest" || method == "SetInventory" || method == "SetEntities" ||
         method == "CreateGrant" || method == "RevokeGrant" || method == "ForgetLog";
}

template <typename Message>
bool Parse(const std::vector<std::string>& messages, Message& message) {
  return !messages.empty() && message.ParseFromString(messages.front());
}

uint32_t MaxTokens(const std::string& method, const FuzzedCall& call) {
  v1::GenerateRequest generate;
  v1::ChatRequest chat;
  if (method == "Generate") return Parse(call.messages, generate) ? generate.max_tokens() : 0;
  return Parse(call.messages, chat) ? chat.max_tokens() : 0;
}

template <typename Request, typename Edit>
void Change(FuzzedCall& call, const Edit& edit) {
  for (std::string& message : call.messages) {
    Request request;
    if (!request.ParseFromString(message)) continue;
    edit(request);
    message = request.SerializeAsString();
  }
}

class Target {
 public:
  Target() { Serve(); }
  void Run(FuzzedCall call);

 private:
  void Serve();
  void Prepare(const std::string& method, FuzzedCall& call) const;
  void CheckAccess(const std::string& method, Scopes scopes, const CallOutcome& outcome) const;
  void CheckAnswer(const std::string& method, Scopes scopes, const FuzzedCall& call,
                   const CallOutcome& outcome) const;

  AgentWorld world_;
  std::unique_ptr<InProcessServer> tls_, local_;
  std::string rows_;
};

void Target::Serve() {
  const InProcessServer::Options options{
      .descriptor = *v1::StatusRequest::descriptor()->file()->service(0),
      .callers = world_.callers(),
      .max_request_bytes = 16 << 10,
      .documented = {StatusCode::INVALID_ARGUMENT, StatusCode::NOT_FOUND, StatusCode::PERMISSION_DENIED,
                     StatusCode::UNAUTHENTICATED, StatusCode::FAILED_PRECONDITION, StatusCode::OUT_OF_RANGE,
                     StatusCode::RESOURCE_EXHAUSTED},
      .endless = {}};
  tls_ = std::make_unique<InProcessServer>(world_.tls_service(), options);
  local_ = std::make_unique<InProcessServer>(world_.local_service(), options);
  rows_ = world_.Rows();
}

void Target::Prepare(const std::string& method, FuzzedCall& call) const {
  const auto bound = [](auto& request) {
    request.set_max_tokens(std::min(request.max_tokens(), kMostTokens));
  };
  if (method == "Generate") Change<v1::GenerateRequest>(call, bound);
  if (method == "Chat") Change<v1::ChatRequest>(call, bound);
  if (method == "RevokeGrant" && (call.flags & 1) != 0)
    Change<v1::RevokeGrantRequest>(call, [this](auto& request) { request.set_id(world_.grant_id()); });
}

void Target::CheckAccess(const std::string& method, Scopes scopes, const CallOutcome& outcome) const {
  const StatusCode code = outcome.status.error_code();
  if (scopes.Has(ScopeOf(method))) {
    LINNET_CHECK(code != StatusCode::UNAUTHENTICATED);
    LINNET_CHECK(code != StatusCode::PERMISSION_DENIED || method == "CreateGrant" || method == "OfferModel");
    return;
  }
  LINNET_CHECK(!outcome.status.ok() && outcome.answers.empty());
  const StatusCode refusal = scopes.bits() == 0 ? StatusCode::UNAUTHENTICATED : StatusCode::PERMISSION_DENIED;
  LINNET_CHECK(code == refusal || code == StatusCode::UNIMPLEMENTED ||
               code == StatusCode::RESOURCE_EXHAUSTED);
}

void Target::CheckAnswer(const std::string& method, Scopes scopes, const FuzzedCall& call,
                         const CallOutcome& outcome) const {
  if (method == "Ingest") {
    int sent = 0;
    for (const std::string& message : call.messages) {
      v1::IngestRequest request;
      LINNET_CHECK(request.ParseFromString(message));
      sent += request.readings_size();
    }
    v1::IngestResponse response;
    LINNET_CHECK(Parse(outcome.answers, response));
    LINNET_CHECK(response.readings() + response.rejected() == static_cast<uint64_t>(sent));
  }
  if (method == "CreateGrant") {
    v1::CreateGrantRequest request;
    LINNET_CHECK(Parse(call.messages, request));
    const auto given = Scopes::FromNames({request.scopes().begin(), request.scopes().end()});
    LINNET_CHECK(given.ok() && (given->bits() & ~scopes.bits()) == 0);  // nobody gives what they lack
  }
  if (method == "Generate" || method == "Chat") {
    v1::GenerateResponse last;
    LINNET_CHECK(!outcome.answers.empty() && last.ParseFromString(outcome.answers.back()));
    LINNET_CHECK(last.has_usage());
    LINNET_CHECK(last.usage().generated_tokens() <= kMostTokens || MaxTokens(method, call) == 0);
  }
}

void Target::Run(FuzzedCall call) {
  const bool is_local = tls_->CallerOf(call) == kLocalUser;
  InProcessServer& server = is_local ? *local_ : *tls_;
  const std::string method = server.Method(call).name();
  const Scopes scopes = AgentWorld::ScopesOf(server.CallerOf(call));
  Prepare(method, call);
  const CallOutcome outcome = server.Call(call);
  CheckAccess(method, scopes, outcome);
  if (outcome.status.ok()) CheckAnswer(method, scopes, call, outcome);
  const std::string now = world_.Rows();
  if (now == rows_) return;
  // Of a stream, what came before the refused message was kept.
  v1::IngestRequest first;
  const bool kept = method == "Ingest" && scopes.Has(Scope::kIngest) && Parse(call.messages, first);
  LINNET_CHECK(Changes(method) && (outcome.status.ok() || kept));
  tls_.reset();
  local_.reset();
  world_.Reset();
  Serve();
}

}  // namespace
}  // namespace linnet::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return linnet::testing::RunCall<linnet::testing::Target>(data, size);
}
