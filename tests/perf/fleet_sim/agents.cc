#include "tests/perf/fleet_sim/agents.h"

#include <cmath>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/enrollment_token.h"
#include "runtime/net/tls.h"
#include "tests/perf/fleet_sim/seed.h"

namespace linnet::fleet_sim {
namespace {

constexpr auto kCallSeconds = std::chrono::seconds(60);

// A context holds its channel. The last who holds one must be none of gRPC's threads (its end joins them all,
// itself, too, and gRPC 1.51 then frees a queue twice): a call goes before anybody hears that it is done.
template <typename Request, typename Response>
struct Call {
  grpc::ClientContext context;
  Request request;
  Response response;
  Call() { context.set_deadline(std::chrono::system_clock::now() + kCallSeconds); }
};

std::shared_ptr<grpc::Channel> Dial(const std::string& address,
                                    const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 10'000);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

fleet::v1::CheckInRequest Unchanged() {
  fleet::v1::CheckInRequest request;
  request.set_protocol(1);
  request.set_agent_version(1'002'003);
  request.set_state(fleet::v1::IDLE);
  request.set_model_sha256(std::string(32, 'm'));
  request.set_release_counter(17);
  request.set_instruction_set(fleet::v1::NEON_DOTPROD);
  request.set_ram_mib(7937);
  request.set_cores(4);
  request.set_free_flash_mib(51'200);
  return request;
}

}  // namespace

size_t Agents::CheckInBytes(size_t* response_bytes) {
  fleet::v1::CheckInResponse response;
  response.set_protocol(1);
  response.set_timestamp_version(1000);
  response.set_next_check_in_seconds(900);
  *response_bytes = response.ByteSizeLong();
  return Unchanged().ByteSizeLong();
}

absl::Status Agents::Seed(const std::string& dir, size_t members) {
  std::vector<Seedling> seedlings;
  for (Agent& agent : agents_) {
    agent.id = base::RandomBytes(16);
    seedlings.push_back({agent.id, agent.key.public_key().Raw(), ""});
  }
  LINNET_RETURN_IF_ERROR(SeedState(dir, members, seedlings));
  for (size_t i = 0; i < agents_.size(); ++i) agents_[i].chain_pem = std::move(seedlings[i].chain_pem);
  return absl::OkStatus();
}

Tally Agents::MakeTokens(Operator& operator_, size_t width) {
  return ClosedLoop(width, agents_.size(), 1e6, [&](size_t n, const auto& done) {
    auto call = std::make_shared<Call<admin::v1::CreateTokenRequest, admin::v1::CreateTokenResponse>>();
    call->request.set_device_name(absl::StrCat("device-", n));
    call->request.set_valid_seconds(86'400);
    operator_.stub().async()->CreateToken(&call->context, &call->request, &call->response,
                                          [this, n, call, done](const grpc::Status& status) mutable {
                                            agents_[n].token = call->response.token();
                                            call.reset();
                                            done(status);
                                          });
  });
}

Tally Agents::Enroll(size_t width) {
  return ClosedLoop(width, agents_.size(), 1e6, [&](size_t n, const auto& done) {
    Agent& agent = agents_[n];
    const auto token = net::EnrollmentToken::Parse(agent.token);
    if (!token.ok()) {
      // Never inside the caller.
      std::thread([done] { done(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no token")); }).detach();
      return;
    }
    agent.id = base::RandomBytes(16);
    auto call = std::make_shared<Call<fleet::v1::EnrollRequest, fleet::v1::EnrollResponse>>();
    fleet::v1::EnrollRequest& request = call->request;
    request.set_protocol(1);
    request.set_token_id(token->id);
    request.set_device_id(agent.id);
    request.set_public_key(agent.key.public_key().Raw());
    request.set_nonce(base::RandomBytes(16));
    const std::string message =
        net::EnrollMessage(token->spki_sha256, request.device_id(), request.public_key(), request.nonce());
    request.set_mac(net::EnrollMac(token->secret, message));
    request.set_signature(*agent.key.SignRaw(message));
    const auto credentials = net::ClientCredentials(std::nullopt, net::PinnedSpki(token->spki_sha256));
    agent.channel = Dial(token->coordinator_address, *credentials);
    agent.stub = fleet::v1::Fleet::NewStub(agent.channel);
    agent.stub->async()->Enroll(&call->context, &request, &call->response,
                                [&agent, call, done](const grpc::Status& status) mutable {
                                  for (const std::string& der : call->response.certificate_chain()) {
                                    const auto certificate = base::Certificate::FromDer(der);
                                    if (certificate.ok()) agent.chain_pem += certificate->ToPem();
                                  }
                                  call.reset();
                                  // As a device does: it comes back with its certificate. (The operator's
                                  // channel stays: this one is not the last.)
                                  agent.stub.reset();
                                  agent.channel.reset();
                                  done(status);
                                });
  });
}

absl::Status Agents::OpenChannels(size_t count, const std::string& address, const base::Certificate& root) {
  const net::PeerVerifier verifier = net::UnderRoot(
      root, base::CertificateUse::kServer, std::string(base::kCoordinatorUri), [] { return absl::Now(); });
  for (size_t i = 0; i < count; ++i) {
    Agent& agent = agents_[i];
    LINNET_ASSIGN_OR_RETURN(const auto credentials,
                            net::ClientCredentials({{agent.chain_pem, agent.key.ToPem()}}, verifier));
    agent.channel = Dial(address, credentials);
    agent.stub = fleet::v1::Fleet::NewStub(agent.channel);
  }
  return absl::OkStatus();
}

void Agents::CloseChannels() {
  for (Agent& agent : agents_) {
    agent.stub.reset();
    agent.channel.reset();
  }
}

Begin Agents::CheckIn(size_t count) {
  return [this, count](size_t n, std::function<void(const grpc::Status&)> done) {
    auto call = std::make_shared<Call<fleet::v1::CheckInRequest, fleet::v1::CheckInResponse>>();
    call->request = Unchanged();
    call->context.set_wait_for_ready(true);
    agents_[n % count].stub->async()->CheckIn(
        &call->context, &call->request, &call->response,
        [call, done = std::move(done)](const grpc::Status& status) mutable {
          call.reset();
          done(status);
        });
  };
}

class HeldWatch final : public grpc::ClientReadReactor<fleet::v1::WatchResponse> {
 public:
  HeldWatch(Watches& watches, Agent& agent) : watches_(watches), agent_(agent) {}

  void Open() {
    const base::MutexLock lock(mutex_);
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_wait_for_ready(true);
    request_.set_protocol(1);
    open_ = true;
    agent_.stub->async()->Watch(context_.get(), &request_, this);
    StartRead(&response_);
    StartCall();
  }
  void Cancel() {
    const base::MutexLock lock(mutex_);
    if (open_) context_->TryCancel();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      const base::MutexLock lock(mutex_);
      heard_ = true;
      tries_ = 0;
      if (response_.stop() && stopped_at_ == SteadyClock::time_point()) stopped_at_ = SteadyClock::now();
    }
    StartRead(&response_);
  }
  void OnDone(const grpc::Status&) override {
    const base::MutexLock lock(mutex_);
    open_ = false;
    if (watches_.closing_) return;
    ++watches_.failed_;
    // As agents do it: a second or so, doubled each time, never in step.
    static thread_local std::mt19937 random(std::random_device{}());
    const double seconds = std::min(60.0, std::pow(2.0, tries_++));
    const double wait = seconds * std::uniform_real_distribution<>(0.5, 1.5)(random);
    due_ = SteadyClock::now() + std::chrono::milliseconds(static_cast<int64_t>(wait * 1000));
  }

  bool open() {
    const base::MutexLock lock(mutex_);
    return open_;
  }
  bool Due() {
    const base::MutexLock lock(mutex_);
    return !open_ && SteadyClock::now() >= due_;
  }
  bool heard() {
    const base::MutexLock lock(mutex_);
    return heard_;
  }
  SteadyClock::time_point stopped_at() {
    const base::MutexLock lock(mutex_);
    return stopped_at_;
  }
  void Forget() {
    const base::MutexLock lock(mutex_);
    heard_ = false;
    stopped_at_ = {};
  }

 private:
  Watches& watches_;
  Agent& agent_;
  std::unique_ptr<grpc::ClientContext> context_;
  fleet::v1::WatchRequest request_;
  fleet::v1::WatchResponse response_;
  base::Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  bool heard_ ABSL_GUARDED_BY(mutex_) = false;
  int tries_ ABSL_GUARDED_BY(mutex_) = 0;
  SteadyClock::time_point due_ ABSL_GUARDED_BY(mutex_), stopped_at_ ABSL_GUARDED_BY(mutex_);
};

Watches::Watches(Agents& agents, size_t count) : agents_(agents) {
  for (size_t i = 0; i < count; ++i) {
    watches_.push_back(std::make_unique<HeldWatch>(*this, agents_.agents_[i]));
  }
}

Watches::~Watches() {
  closing_ = true;
  for (const auto& watch : watches_) watch->Cancel();
  while (held() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

void Watches::OpenAll() {
  for (const auto& watch : watches_) watch->Open();
}

void Watches::Tend() {
  for (const auto& watch : watches_) {
    if (watch->Due()) watch->Open();
  }
}

size_t Watches::held() const {
  size_t held = 0;
  for (const auto& watch : watches_) held += watch->open() ? 1 : 0;
  return held;
}

void Watches::Forget() {
  for (const auto& watch : watches_) watch->Forget();
}

double Watches::WaitForAll(SteadyClock::time_point begin, double limit_seconds) {
  while (true) {
    Tend();
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
    bool all = true;
    for (const auto& watch : watches_) all = all && watch->heard();
    if (all) return seconds;
    if (seconds > limit_seconds) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Tally Watches::WaitForStop(SteadyClock::time_point begin, double limit_seconds) {
  Tally tally;
  while (true) {
    Tend();
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
    size_t told = 0;
    for (const auto& watch : watches_) told += watch->stopped_at() == SteadyClock::time_point() ? 0 : 1;
    if (told < watches_.size() && seconds < limit_seconds) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      continue;
    }
    tally.seconds = seconds;
    for (const auto& watch : watches_) {
      if (watch->stopped_at() == SteadyClock::time_point()) {
        ++tally.errors["not told"];
      } else {
        tally.millis.push_back(
            std::chrono::duration<double, std::milli>(watch->stopped_at() - begin).count());
      }
    }
    return tally;
  }
}

}  // namespace linnet::fleet_sim
