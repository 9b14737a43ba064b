#include "tests/coordinator/fleet_fixture.h"

#include <cstdlib>

#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "storage/chunks/chunk_store.h"

namespace linnet::coordinator {
namespace {

base::FileSystem& Files() { return base::FileSystem::Real(); }

std::string Read(const std::string& path) {
  auto bytes = Files().ReadFile(path, 10 << 20);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or("");
}

std::string Digest(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }

}  // namespace

FleetFixture::FleetFixture() {
  const absl::Status made = trust::InitSite(Files(), dir_ / "site", {}, clock_);
  if (!made.ok()) std::abort();
  auto site = trust::Site::Open(Files(), dir_ / "site", "", clock_);
  if (!site.ok()) std::abort();
  site_ = *std::move(site);
  config_.site_dir = dir_ / "site/coordinator";
  config_.state_dir = dir_ / "state";
  config_.listen = config_.admin = "127.0.0.1:0";
  config_.check_in_seconds = 7;
  config_.version = "1.2.3";
  StartCoordinator();
}

FleetFixture::~FleetFixture() = default;

void FleetFixture::StartCoordinator() {
  auto coordinator = Coordinator::Start(config_, Files(), clock_);
  ASSERT_TRUE(coordinator.ok()) << coordinator.status();
  coordinator_ = *std::move(coordinator);
  admin_ = AdminWith(OperatorIdentity());
}

net::TlsIdentity FleetFixture::OperatorIdentity() const {
  return {Read(dir_ / "site/operator/operator.pem"), Read(dir_ / "site/operator/operator.key")};
}

namespace {

std::shared_ptr<grpc::Channel> Connect(const std::string& address, std::optional<net::TlsIdentity> identity,
                                       const base::Certificate& root, const base::Clock& clock) {
  auto credentials =
      net::ClientCredentials(std::move(identity), net::UnderRoot(root, base::CertificateUse::kServer,
                                                                 std::string(base::kCoordinatorUri),
                                                                 [&clock] { return clock.Now(); }));
  EXPECT_TRUE(credentials.ok()) << credentials.status();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(32 << 20);
  return grpc::CreateCustomChannel(address, *credentials, arguments);
}

}  // namespace

std::unique_ptr<FleetFixture::Fleet::Stub> FleetFixture::FleetWith(std::optional<net::TlsIdentity> identity) {
  const auto root = base::Certificate::FromPem(Read(dir_ / "site/coordinator/fleet-root.pem"));
  return Fleet::NewStub(Connect(coordinator_->fleet_address(), std::move(identity), *root, clock_));
}

std::unique_ptr<FleetFixture::Admin::Stub> FleetFixture::AdminWith(std::optional<net::TlsIdentity> identity) {
  const auto root = base::Certificate::FromPem(Read(dir_ / "site/operator/fleet-root.pem"));
  return Admin::NewStub(Connect(coordinator_->admin_address(), std::move(identity), *root, clock_));
}

std::unique_ptr<FleetFixture::Fleet::Stub> FleetFixture::Anonymous() { return FleetWith(std::nullopt); }
std::unique_ptr<FleetFixture::Fleet::Stub> FleetFixture::As(const TestDevice& device) {
  return FleetWith(device.Identity());
}

grpc::Status FleetFixture::Enroll(TestDevice& device) {
  Context context;
  fleet::v1::EnrollResponse response;
  grpc::Status status = Anonymous()->Enroll(&context, device.EnrollRequest(), &response);
  if (status.ok()) {
    device.chain.assign(response.certificate_chain().begin(), response.certificate_chain().end());
    device.enrolled = response;
  }
  return status;
}

grpc::Status FleetFixture::Renew(TestDevice& device, const base::PrivateKey& new_key) {
  Context context;
  fleet::v1::EnrollResponse response;
  grpc::Status status = Anonymous()->Renew(&context, device.RenewRequest(new_key), &response);
  if (status.ok()) {
    device.key = new_key;
    device.chain.assign(response.certificate_chain().begin(), response.certificate_chain().end());
  }
  return status;
}

grpc::Status FleetFixture::CheckIn(const TestDevice& device, fleet::v1::CheckInResponse* response,
                                   fleet::v1::CheckInRequest request) {
  Context context;
  request.set_protocol(1);
  return As(device)->CheckIn(&context, request, response);
}

grpc::Status FleetFixture::Report(const TestDevice& device, const fleet::v1::ReportRequest& request) {
  Context context;
  fleet::v1::ReportResponse response;
  return As(device)->Report(&context, request, &response);
}

std::unique_ptr<TestDevice> FleetFixture::DeviceWithToken(const std::string& name, uint64_t valid_seconds) {
  Context context;
  admin::v1::CreateTokenRequest request;
  request.set_device_name(name);
  request.set_valid_seconds(valid_seconds);
  admin::v1::CreateTokenResponse response;
  const grpc::Status status = admin().CreateToken(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  auto token = net::EnrollmentToken::Parse(response.token());
  EXPECT_TRUE(token.ok()) << token.status();
  auto device = std::make_unique<TestDevice>();
  device->id = base::RandomBytes(16);
  device->token = *token;
  return device;
}

std::unique_ptr<TestDevice> FleetFixture::NewDevice(const std::string& name) {
  auto device = DeviceWithToken(name);
  const grpc::Status status = Enroll(*device);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return device;
}

FleetFixture::Model FleetFixture::SignModel(const std::string& version, size_t size_bytes,
                                            uint32_t chunk_bytes) {
  Model model;
  model.bytes = "LINNETPK";  // all that a device looks at before its self-check, which says yes here
  for (size_t i = model.bytes.size(); i < size_bytes; ++i)
    model.bytes += static_cast<char>((i * i + i / 255 + version.size()) & 255);
  model.bytes += version;
  const std::string path = dir_ / ("model-" + version);
  EXPECT_TRUE(Files().WriteFileAtomic(path, model.bytes).ok());
  model.index_json = chunks::ChunkIndex::OfFile(Files(), path, chunk_bytes)->ToJson();
  auto publication = site_->PublishModel({.family = "starter",
                                          .name = "tiny",
                                          .version = version,
                                          .file = path,
                                          .index_json = model.index_json,
                                          .license = "Apache-2.0"},
                                         CurrentMetadata());
  EXPECT_TRUE(publication.ok()) << publication.status();
  model.publication = *std::move(publication);
  model.target = model.publication.targets[0].path;
  model.sha256 = model.publication.targets[0].sha256;
  return model;
}

grpc::Status FleetFixture::PublishParts(const std::map<std::string, std::string>& metadata,
                                        const std::map<std::string, std::string>& targets,
                                        bool files_are_lost) {
  Context context;
  admin::v1::PublishResponse response;
  const auto writer = admin().Publish(&context, &response);
  if (files_are_lost) {
    admin::v1::PublishRequest request;
    request.set_files_are_lost(true);
    writer->Write(request);
  }
  for (const auto& [role, bytes] : metadata) {
    admin::v1::PublishRequest request;
    request.mutable_metadata()->set_role(role);
    request.mutable_metadata()->set_bytes(bytes);
    writer->Write(request);
  }
  for (const auto& [name, bytes] : targets) {
    admin::v1::PublishRequest request;
    request.mutable_target()->set_name(name);
    request.mutable_target()->set_size_bytes(bytes.size());
    request.mutable_target()->set_sha256(Digest(bytes));
    writer->Write(request);
    for (size_t at = 0; at < bytes.size(); at += 256 << 10) {
      request.set_target_data(bytes.substr(at, 256 << 10));
      writer->Write(request);
    }
  }
  writer->WritesDone();
  return writer->Finish();
}

grpc::Status FleetFixture::Publish(const Model& model) {
  std::map<std::string, std::string> targets = model.publication.small_targets;
  targets[model.target] = model.bytes;
  return PublishParts(model.publication.metadata, targets);
}

std::string FleetFixture::PinOf(const TestDevice& device) {
  return device.pin.empty() ? base::Hex(Digest(device.key.public_key().SpkiDer())) : device.pin;
}

FleetFixture::SignedPlan FleetFixture::PublishPlan(const Model& model,
                                                   std::vector<const TestDevice*> canaries,
                                                   absl::Duration soak, uint32_t most_failures,
                                                   uint64_t release_counter) {
  std::vector<trust::PlanWave> waves;
  if (!canaries.empty()) {
    trust::PlanWave canary{.name = "canary"};
    for (const TestDevice* device : canaries) {
      canary.devices.push_back(base::Hex(device->id));
      canary.keys[canary.devices.back()] = PinOf(*device);
    }
    waves.push_back(canary);
  }
  waves.push_back({.name = "all", .passes_needed = static_cast<uint32_t>(canaries.size()), .soak = soak});
  return PublishWaves(model, std::move(waves), most_failures, release_counter);
}

FleetFixture::SignedPlan FleetFixture::PublishWaves(const Model& model, std::vector<trust::PlanWave> waves,
                                                    uint32_t most_failures, uint64_t release_counter) {
  SignedPlan out;
  trust::Plan& plan = out.plan;
  plan.id = base::Hex(base::RandomBytes(16));
  plan.model_target = model.target;
  plan.model_sha256 = model.sha256;
  plan.release_counter = release_counter;
  plan.waves = std::move(waves);
  plan.most_failures = most_failures;
  plan.created = clock_.Now();
  plan.expires = clock_.Now() + absl::Hours(24);
  auto publication = site_->SignPlan(plan, CurrentMetadata());
  EXPECT_TRUE(publication.ok()) << publication.status();
  const auto& [target, json] = *publication->small_targets.begin();
  out.target = target;
  out.json = json;
  out.sha256 = Digest(json);
  const grpc::Status status = PublishParts(publication->metadata, publication->small_targets);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return out;
}

grpc::Status FleetFixture::Start(const SignedPlan& plan) {
  Context context;
  admin::v1::StartRolloutRequest request;
  request.set_plan(plan.target);
  admin::v1::StartRolloutResponse response;
  return admin().StartRollout(&context, request, &response);
}

std::map<std::string, std::string> FleetFixture::CurrentMetadata() {
  Context context;
  admin::v1::GetRepositoryResponse response;
  const grpc::Status status = admin().GetRepository(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  std::map<std::string, std::string> metadata;
  for (const auto& file : response.metadata()) metadata[file.role()] = file.bytes();
  return metadata;
}

trust::OnlineKeys FleetFixture::OnlineKeysNow() const {
  const auto offline = site_->Offline();
  EXPECT_TRUE(offline.ok()) << offline.status();
  const auto envelope = trust::Envelope::Parse(offline->at("root"));
  auto keys = trust::OnlineKeysIn(Files(), config_.site_dir)(*trust::ParseRoot(*envelope));
  EXPECT_TRUE(keys.ok()) << keys.status();
  return *std::move(keys);
}

grpc::Status FleetFixture::RotateOnlineKeys(const std::vector<std::string>& roles) {
  const auto current = CurrentMetadata();
  const auto change = site_->RotateOnlineKeys(roles, current);
  EXPECT_TRUE(change.ok()) << change.status();
  const auto publication = site_->Adopt(*change, current);
  EXPECT_TRUE(publication.ok()) << publication.status();
  return PublishParts(publication->metadata, publication->small_targets);
}

admin::v1::Rollout FleetFixture::NewestRollout() {
  Context context;
  admin::v1::ListRolloutsResponse response;
  EXPECT_TRUE(admin().ListRollouts(&context, {}, &response).ok());
  if (response.rollouts().empty()) return {};
  return response.rollouts(response.rollouts_size() - 1);
}

}  // namespace linnet::coordinator
