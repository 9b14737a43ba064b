#include "tests/perf/fleet_sim/site.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/tls.h"
#include "storage/chunks/chunk_store.h"

namespace linnet::fleet_sim {
namespace {

constexpr int kStartSeconds = 120;  // a state with 100,000 devices is read first
constexpr size_t kPart = 256 << 10;

base::FileSystem& Files() { return base::FileSystem::Real(); }

std::string Digest(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }

// The value behind "NAME:" in a file of /proc, in KiB.
uint64_t KibOf(const std::string& text, const std::string& name) {
  const size_t at = text.find(name + ":");
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + name.size() + 1, nullptr, 10);
}

std::string Slurp(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

absl::Status CoordinatorProcess::Start(const std::string& program, const std::string& dir, int max_devices) {
  const std::string ready = dir + "/ready";
  std::filesystem::remove(ready);
  const std::vector<std::string> words = {program,
                                          "--site-dir",
                                          dir + "/site/coordinator",
                                          "--state-dir",
                                          dir + "/state",
                                          "--listen",
                                          fleet_,
                                          "--admin",
                                          admin_,
                                          "--ready-file",
                                          ready,
                                          "--max-devices",
                                          absl::StrCat(max_devices)};
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const std::string log_path = dir + "/coordinator.log";
  // gRPC's threads run here: what follows in the child takes no lock and no memory.
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, 1);
    dup2(log, 2);
    execv(program.c_str(), arguments.data());
    _exit(127);
  }
  for (int i = 0; i < kStartSeconds * 50; ++i) {
    if (std::filesystem::exists(ready)) {
      std::istringstream lines(Slurp(ready));
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("fleet=")) fleet_ = line.substr(6);
        if (line.starts_with("admin=")) admin_ = line.substr(6);
      }
      return absl::OkStatus();
    }
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return absl::UnavailableError(
      absl::StrCat(program, " did not start; its last words: ", Slurp(dir + "/coordinator.log")));
}

void CoordinatorProcess::Kill(int signal) {
  if (pid_ <= 0) return;
  kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

CoordinatorProcess::Usage CoordinatorProcess::Now() const {
  const std::string proc = absl::StrCat("/proc/", pid_);
  const std::string status = Slurp(proc + "/status");
  Usage usage;
  usage.resident_bytes = KibOf(status, "VmRSS") * 1024;
  usage.peak_bytes = KibOf(status, "VmHWM") * 1024;
  usage.threads = static_cast<int>(KibOf(status, "Threads"));
  usage.disk_written_bytes = KibOf(Slurp(proc + "/io"), "write_bytes");
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd", error)) {
    (void)entry;
    ++usage.descriptors;
  }
  const std::string stat = Slurp(proc + "/stat");
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  usage.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return usage;
}

absl::Status Operator::MakeSite(const std::string& dir) {
  return trust::InitSite(Files(), dir + "/site", {.name = "load"}, base::Clock::Real());
}

absl::StatusOr<std::unique_ptr<Operator>> Operator::Connect(const std::string& dir,
                                                            const std::string& admin_address) {
  LINNET_ASSIGN_OR_RETURN(auto site, trust::Site::Open(Files(), dir + "/site", "", base::Clock::Real()));
  LINNET_ASSIGN_OR_RETURN(const std::string root_pem,
                          Files().ReadFile(dir + "/site/operator/fleet-root.pem", 64 << 10));
  LINNET_ASSIGN_OR_RETURN(base::Certificate root, base::Certificate::FromPem(root_pem));
  net::TlsIdentity identity;
  LINNET_ASSIGN_OR_RETURN(identity.certificate_chain_pem,
                          Files().ReadFile(dir + "/site/operator/operator.pem", 64 << 10));
  LINNET_ASSIGN_OR_RETURN(identity.private_key_pem,
                          Files().ReadFile(dir + "/site/operator/operator.key", 64 << 10));
  LINNET_ASSIGN_OR_RETURN(
      auto credentials,
      net::ClientCredentials(std::move(identity),
                             net::UnderRoot(root, base::CertificateUse::kServer,
                                            std::string(base::kCoordinatorUri), [] { return absl::Now(); })));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto stub = admin::v1::Admin::NewStub(grpc::CreateCustomChannel(admin_address, credentials, arguments));
  return std::unique_ptr<Operator>(new Operator(std::move(site), std::move(root), std::move(stub)));
}

absl::StatusOr<std::map<std::string, std::string>> Operator::Current() {
  grpc::ClientContext context;
  admin::v1::GetRepositoryResponse response;
  LINNET_RETURN_IF_ERROR(net::FromGrpc(stub_->GetRepository(&context, {}, &response)));
  std::map<std::string, std::string> current;
  for (const auto& file : response.metadata()) current[file.role()] = file.bytes();
  return current;
}

absl::Status Operator::Upload(const std::map<std::string, std::string>& metadata,
                              const std::map<std::string, std::string>& targets) {
  grpc::ClientContext context;
  admin::v1::PublishResponse response;
  const auto writer = stub_->Publish(&context, &response);
  for (const auto& [role, bytes] : metadata) {
    admin::v1::PublishRequest part;
    part.mutable_metadata()->set_role(role);
    part.mutable_metadata()->set_bytes(bytes);
    writer->Write(part);
  }
  for (const auto& [name, bytes] : targets) {
    admin::v1::PublishRequest part;
    part.mutable_target()->set_name(name);
    part.mutable_target()->set_size_bytes(bytes.size());
    part.mutable_target()->set_sha256(Digest(bytes));
    writer->Write(part);
    for (size_t at = 0; at < bytes.size(); at += kPart) {
      part.set_target_data(bytes.substr(at, kPart));
      writer->Write(part);
    }
  }
  writer->WritesDone();
  return net::FromGrpc(writer->Finish());
}

absl::StatusOr<std::string> Operator::PublishModel(const std::string& dir) {
  const std::string path = dir + "/model";
  const std::string bytes(10'000, 'm');
  LINNET_RETURN_IF_ERROR(Files().WriteFileAtomic(path, bytes));
  LINNET_ASSIGN_OR_RETURN(const chunks::ChunkIndex index, chunks::ChunkIndex::OfFile(Files(), path, 4096));
  LINNET_ASSIGN_OR_RETURN(const auto current, Current());
  LINNET_ASSIGN_OR_RETURN(const trust::Publication publication,
                          site_->PublishModel({.family = "load",
                                               .name = "nothing",
                                               .version = "1",
                                               .file = path,
                                               .index_json = index.ToJson(),
                                               .license = "none"},
                                              current));
  std::map<std::string, std::string> targets = publication.small_targets;
  targets[publication.targets[0].path] = bytes;
  LINNET_RETURN_IF_ERROR(Upload(publication.metadata, targets));
  return publication.targets[0].path;
}

absl::StatusOr<std::string> Operator::PublishPlan(const std::string& model) {
  LINNET_ASSIGN_OR_RETURN(const auto current, Current());
  LINNET_ASSIGN_OR_RETURN(const trust::TargetInfo target, site_->FindTarget(model, current));
  trust::Plan plan;
  plan.id = base::Hex(base::RandomBytes(16));
  plan.model_target = model;
  plan.model_sha256 = target.sha256;
  plan.release_counter = 1;
  plan.waves = {{.name = "canary", .until_bucket = 100}, {.name = "all", .passes_needed = 1}};
  plan.created = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  plan.expires = plan.created + absl::Hours(24);
  LINNET_ASSIGN_OR_RETURN(const trust::Publication publication, site_->SignPlan(plan, current));
  LINNET_RETURN_IF_ERROR(Upload(publication.metadata, publication.small_targets));
  return publication.targets[0].path;
}

namespace {

// All pages of a list; `entries` counts those of one.
template <typename Request, typename Response, typename Call, typename Entries>
absl::StatusOr<Operator::Looked> AllPages(Request request, const Call& call, const Entries& entries) {
  Operator::Looked looked;
  request.set_page_size(2'000);
  while (true) {
    grpc::ClientContext context;
    Response response;
    LINNET_RETURN_IF_ERROR(net::FromGrpc(call(&context, request, &response)));
    looked.entries += static_cast<size_t>(entries(response));
    looked.largest = std::max(looked.largest, response.ByteSizeLong());
    ++looked.messages;
    if (response.next_page_token().empty()) return looked;
    request.set_page_token(response.next_page_token());
  }
}

}  // namespace

absl::StatusOr<Operator::Looked> Operator::ListDevices() {
  return AllPages<admin::v1::ListDevicesRequest, admin::v1::ListDevicesResponse>(
      {}, [&](auto... a) { return stub_->ListDevices(a...); },
      [](const auto& r) { return r.devices_size(); });
}

absl::StatusOr<Operator::Looked> Operator::ListProgress() {
  return AllPages<admin::v1::ListProgressRequest, admin::v1::ListProgressResponse>(
      {}, [&](auto... a) { return stub_->ListProgress(a...); },
      [](const auto& r) { return r.devices_size(); });
}

absl::StatusOr<Operator::Looked> Operator::ListRollouts() {
  admin::v1::ListRolloutsRequest request;
  request.set_most_devices(0);
  return AllPages<admin::v1::ListRolloutsRequest, admin::v1::ListRolloutsResponse>(
      request, [&](auto... a) { return stub_->ListRollouts(a...); },
      [](const auto& r) { return r.rollouts_size(); });
}

absl::StatusOr<Operator::Looked> Operator::ShowRollout() {
  grpc::ClientContext context;
  admin::v1::WatchRolloutRequest request;
  request.set_most_devices(0);
  const auto reader = stub_->WatchRollout(&context, request);
  admin::v1::Rollout rollout;
  if (!reader->Read(&rollout)) return net::FromGrpc(reader->Finish());
  context.TryCancel();
  reader->Finish();
  return Looked{
      .entries = static_cast<size_t>(rollout.waves_size()), .messages = 1, .largest = rollout.ByteSizeLong()};
}

absl::Status Operator::Start(const std::string& plan) {
  grpc::ClientContext context;
  admin::v1::StartRolloutRequest request;
  request.set_plan(plan);
  admin::v1::StartRolloutResponse response;
  return net::FromGrpc(stub_->StartRollout(&context, request, &response));
}

absl::Status Operator::Stop() {
  grpc::ClientContext context;
  admin::v1::StopRolloutResponse response;
  return net::FromGrpc(stub_->StopRollout(&context, {}, &response));
}

}  // namespace linnet::fleet_sim
