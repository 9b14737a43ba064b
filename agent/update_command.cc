#include "agent/update_command.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "agent/agent.h"
#include "linnet/agent/v1/agent.grpc.pb.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"

namespace linnet::agent {
namespace {

// Reading and hashing 1 TiB from a slow stick; a stuck agent is ended by the person at it.
constexpr std::chrono::hours kLongest{24};
constexpr size_t kMaxTold = 1000;

int Fail(const std::string& message, int code) {
  std::fprintf(stderr, "linnet-agent: %s\n", base::OneLine(message, kMaxTold).c_str());
  return code;
}

int CodeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::ABORTED:
      return kUpdateRefused;
    default:
      return kRuntime;
  }
}

}  // namespace

int RunUpdate(Config config, const UpdateFrom& update, const base::Clock& clock, const std::string& version) {
  std::error_code error;
  const std::filesystem::path dir = std::filesystem::absolute(update.dir, error).lexically_normal();
  if (!std::filesystem::is_directory(dir, error)) {
    return Fail(absl::StrCat(update.dir, ": is no folder; name the one that linnet site bundle wrote"),
                kUpdateRefused);
  }
  config.listen = config.http = "off";
  config.token.clear();
  config.ready_file.clear();
  StartFailure failure;
  const std::unique_ptr<Agent> own = Agent::Start(config, clock, version, &failure);
  const bool runs_already =
      own == nullptr && absl::IsAlreadyExists(failure.status) && failure.exit_code == kBadState;
  if (own == nullptr && !runs_already) return Fail(base::Message(failure.status), failure.exit_code);

  const auto stub = agent::v1::Agent::NewStub(grpc::CreateChannel(
      absl::StrCat("unix:", config.state_dir, "/agent.sock"), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLongest);
  agent::v1::OfferModelRequest request;
  request.set_path(dir.string());
  request.set_root_sha256(base::UnHex(update.root_sha256_hex).value_or(""));
  agent::v1::OfferModelResponse response;
  const grpc::Status status = stub->OfferModel(&context, request, &response);
  if (own != nullptr) own->Stop();
  if (!status.ok()) return Fail(status.error_message(), CodeOf(status.error_code()));
  if (update.json) {
    std::printf("%s\n", nlohmann::ordered_json{{"target", response.target_name()}}.dump().c_str());
  } else {
    std::printf("took %s; it is confirmed when it has run for a while\n", response.target_name().c_str());
  }
  return kOk;
}

}  // namespace linnet::agent
