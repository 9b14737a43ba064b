#include "tests/fuzz/in_process_server.h"

#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"

namespace grpc::testing {

// gRPC keeps this name in its headers as a friend of contexts, for tests to define.
class InteropServerContextInspector {
 public:
  static void SetAuthContext(const ServerContextBase& context, std::shared_ptr<const AuthContext> auth) {
    context.auth_context_ = std::move(auth);
  }
};

}  // namespace grpc::testing

namespace linnet::testing {
namespace {

namespace pb = google::protobuf;
namespace ex = grpc::experimental;

// Far above what a call takes, also under sanitizers on a busy machine.
constexpr std::chrono::seconds kPatience(20);
constexpr char kCallerHeader[] = "linnet-fuzz-caller";
constexpr char kCertificateProperty[] = "x509_pem_cert";  // GRPC_X509_PEM_CERT_PROPERTY_NAME

// What a handshake found out about the other side: its certificate, or nothing.
class Shown final : public grpc::AuthContext {
 public:
  explicit Shown(std::string pem) : pem_(std::move(pem)) {}
  bool IsPeerAuthenticated() const override { return !pem_.empty(); }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(const std::string& name) const override {
    if (pem_.empty() || name != kCertificateProperty) return {};
    return {grpc::string_ref(pem_.data(), pem_.size())};
  }
  grpc::AuthPropertyIterator begin() const override { return End(); }
  grpc::AuthPropertyIterator end() const override { return End(); }
  void AddProperty(const std::string&, const grpc::string_ref&) override {}
  bool SetPeerIdentityPropertyName(const std::string&) override { return false; }

 private:
  struct End : grpc::AuthPropertyIterator {};
  const std::string pem_;
};

using Identities = std::vector<std::shared_ptr<const grpc::AuthContext>>;

class Identify final : public ex::Interceptor {
 public:
  Identify(ex::ServerRpcInfo* info, const Identities& identities, CallsUnderWay& under_way)
      : info_(info), identities_(identities), under_way_(under_way) {
    under_way_.Begin();
  }
  ~Identify() override { under_way_.End(); }  // with the call's context
  void Intercept(ex::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(ex::InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      const auto* headers = methods->GetRecvInitialMetadata();
      const auto found = headers->find(kCallerHeader);
      LINNET_CHECK(found != headers->end());
      const std::string number(found->second.data(), found->second.size());
      grpc::testing::InteropServerContextInspector::SetAuthContext(*info_->server_context(),
                                                                   identities_.at(std::stoul(number)));
    }
    methods->Proceed();
  }

 private:
  ex::ServerRpcInfo* const info_;
  const Identities& identities_;
  CallsUnderWay& under_way_;
};

class IdentifyAll final : public ex::ServerInterceptorFactoryInterface {
 public:
  IdentifyAll(Identities identities, CallsUnderWay& under_way)
      : identities_(std::move(identities)), under_way_(under_way) {}
  ex::Interceptor* CreateServerInterceptor(ex::ServerRpcInfo* info) override {
    return new Identify(info, identities_, under_way_);
  }

 private:
  const Identities identities_;
  CallsUnderWay& under_way_;
};

// One call over a queue of its own, a step after the other.
class Steps {
 public:
  Steps(grpc::GenericStub& stub, const std::string& method, grpc::ClientContext& context)
      : call_(stub.PrepareCall(&context, method, &queue_)) {}

  bool Start() {
    call_->StartCall(Tag());
    return Wait();
  }
  // The last one half-closes in the same step, as stubs do: gRPC's transport within a process keeps some 8
  // KiB for ever of each call that was answered before its half-close came.
  bool Write(const std::string& message, bool last) {
    const grpc::Slice slice(message);
    const grpc::WriteOptions options = last ? grpc::WriteOptions().set_last_message() : grpc::WriteOptions();
    call_->Write(grpc::ByteBuffer(&slice, 1), options, Tag());
    return Wait();
  }
  void WritesDone() {
    call_->WritesDone(Tag());
    Wait();
  }
  bool Read(std::string& message) {
    grpc::ByteBuffer answer;
    call_->Read(&answer, Tag());
    if (!Wait()) return false;
    std::vector<grpc::Slice> slices;
    LINNET_CHECK(answer.Dump(&slices).ok());
    message.clear();
    for (const grpc::Slice& slice : slices)
      message.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return true;
  }
  grpc::Status Finish() {
    grpc::Status status;
    call_->Finish(&status, Tag());
    Wait();
    return status;
  }

 private:
  void* Tag() { return this; }
  // The deadline ends what does not end by itself.
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

}  // namespace

void CallsUnderWay::Begin() {
  const base::MutexLock lock(mutex_);
  ++count_;
}

void CallsUnderWay::End() {
  const base::MutexLock lock(mutex_);
  if (--count_ == 0) none_.SignalAll();
}

void CallsUnderWay::AwaitNone() {
  const base::MutexLock lock(mutex_);
  while (count_ > 0) LINNET_CHECK(none_.WaitFor(mutex_, absl::FromChrono(kPatience)) || count_ == 0);
}

InProcessServer::InProcessServer(grpc::Service& service, Options options) : options_(std::move(options)) {
  pb::SetLogHandler(nullptr);                    // as our programs do
  base::SetLogSeverity(base::Severity::kError);  // a line for each refusal would be all that a search does
  Identities identities;
  for (const Caller& caller : options_.callers)
    identities.push_back(std::make_shared<const Shown>(caller.certificate_pem));
  std::vector<std::unique_ptr<ex::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<IdentifyAll>(std::move(identities), under_way_));
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(options_.max_request_bytes);
  builder.SetMaxSendMessageSize(32 << 20);
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  builder.RegisterService(&service);
  server_ = builder.BuildAndStart();
  LINNET_CHECK(server_ != nullptr);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(32 << 20);
  channel_ = server_->InProcessChannel(arguments);
}

InProcessServer::~InProcessServer() {
  channel_ = nullptr;
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  server_->Wait();
}

const pb::MethodDescriptor& InProcessServer::Method(const FuzzedCall& call) const {
  return *options_.descriptor.method(call.method % options_.descriptor.method_count());
}

// gRPC reads no second message of a call that takes one. Within a process it would wait for room until the
// answer is read, and here nobody reads before all is written.
size_t InProcessServer::MessagesOf(const FuzzedCall& call) const {
  return Method(call).client_streaming() ? call.messages.size() : std::min<size_t>(call.messages.size(), 1);
}

bool InProcessServer::WellFormed(const FuzzedCall& call) const {
  const pb::Message& type = *pb::MessageFactory::generated_factory()->GetPrototype(Method(call).input_type());
  const std::unique_ptr<pb::Message> message(type.New());
  const auto end = call.messages.begin() + static_cast<ptrdiff_t>(MessagesOf(call));
  return std::all_of(call.messages.begin(), end, [&](const std::string& bytes) {
    return bytes.size() <= static_cast<size_t>(options_.max_request_bytes) && message->ParseFromString(bytes);
  });
}

CallOutcome InProcessServer::Call(const FuzzedCall& call) {
  const pb::MethodDescriptor& method = Method(call);
  const size_t caller = CallerOf(call);
  CallOutcome outcome;
  outcome.well_formed = WellFormed(call);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  context.AddMetadata(kCallerHeader, std::to_string(caller));
  if (const std::string& token = options_.callers[caller].bearer_token; !token.empty()) {
    context.AddMetadata("authorization", "Bearer " + token);
  }
  grpc::GenericStub stub(channel_);
  Steps steps(stub, "/" + options_.descriptor.full_name() + "/" + method.name(), context);
  bool open = steps.Start();
  const size_t messages = MessagesOf(call);
  for (size_t i = 0; i < messages; ++i) open = open && steps.Write(call.messages[i], i + 1 == messages);
  if (open && messages == 0) steps.WritesDone();
  const bool endless = options_.endless.count(method.name()) != 0;
  const size_t most = endless ? 1 : options_.most_answers;
  std::string answer;
  while (steps.Read(answer)) {
    outcome.answers.push_back(answer);
    if (outcome.answers.size() < most) continue;
    context.TryCancel();
    break;
  }
  outcome.status = steps.Finish();
  under_way_.AwaitNone();
  Check(call, outcome);
  return outcome;
}

void InProcessServer::Check(const FuzzedCall& call, const CallOutcome& outcome) const {
  const grpc::StatusCode code = outcome.status.error_code();
  const std::string& text = outcome.status.error_message();
  LINNET_CHECK(text.size() <= 1024);
  LINNET_CHECK(std::none_of(text.begin(), text.end(),
                            [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }));
  const pb::MethodDescriptor& method = Method(call);
  if (method.client_streaming()) LINNET_CHECK(code != grpc::StatusCode::OK || outcome.well_formed);
  const pb::Message& type = *pb::MessageFactory::generated_factory()->GetPrototype(method.output_type());
  const std::unique_ptr<pb::Message> message(type.New());
  for (const std::string& answer : outcome.answers) LINNET_CHECK(message->ParseFromString(answer));
  if (code == grpc::StatusCode::OK || options_.documented.count(code) != 0) {
    LINNET_CHECK(code == grpc::StatusCode::OK || !text.empty() || code == grpc::StatusCode::CANCELLED);
    return;
  }
  if (code == grpc::StatusCode::CANCELLED && !outcome.answers.empty()) return;  // we left
  const bool no_message = !outcome.well_formed || call.messages.empty();
  if (!method.client_streaming() && no_message && code == grpc::StatusCode::UNIMPLEMENTED) return;
  if (!outcome.well_formed && code == grpc::StatusCode::RESOURCE_EXHAUSTED) return;  // too large
  std::fprintf(stderr, "%s: code %d: %s\n", method.full_name().c_str(), code, text.c_str());
  LINNET_CHECK(!"a code that this service does not document");
}

void CheckTurnedAway(const CallOutcome& outcome) {
  LINNET_CHECK(!outcome.status.ok() && outcome.answers.empty());
  const grpc::StatusCode code = outcome.status.error_code();
  LINNET_CHECK(code == grpc::StatusCode::UNAUTHENTICATED || code == grpc::StatusCode::PERMISSION_DENIED ||
               code == grpc::StatusCode::UNIMPLEMENTED || code == grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace linnet::testing
