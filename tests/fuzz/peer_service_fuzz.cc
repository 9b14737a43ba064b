// Any bytes as a call of linnet.peer.v1, from whoever: the service behind a device's door, with the chunks of
// one file on its shelf. It answers in time and with a code that peer.proto documents, only to members that
// are not revoked; what it sends are the chunks that were asked for, in that order, each with its hash, and
// the one head of the log that it knows; what it hears of the log is what a member said.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/peers/peer_door.h"
#include "agent/peers/shelf.h"
#include "linnet/peer/v1/peer.grpc.pb.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/x509.h"
#include "tests/fuzz/in_process_server.h"
#include "tests/fuzz/peer_file.h"
#include "tests/fuzz/service_target.h"
#include "tests/support/temp_dir.h"

namespace linnet::testing {
namespace {

namespace v1 = peer::v1;
using grpc::StatusCode;

constexpr size_t kMember = 1;

absl::Time Now() { return absl::FromUnixSeconds(1893456000); }

// Certificates under one authority; a handshake would refuse some of them.
class Fleet {
 public:
  Fleet() : root_(base::IssueSelfSigned(key_, Request("", absl::Hours(1)))) {}
  std::string Pem(const std::string& uri, absl::Duration left = absl::Hours(1)) const {
    const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
    return base::Issue(root_, key_, key.public_key(), Request(uri, left))->ToPem();
  }
  std::string Device(char id, absl::Duration left = absl::Hours(1)) const {
    return Pem(absl::StrCat(std::string(base::kDeviceUri), base::Hex(std::string(16, id))), left);
  }

 private:
  static base::CertificateRequest Request(const std::string& uri, absl::Duration left) {
    base::CertificateRequest request;
    request.common_name = "fuzz";
    request.uri = uri;
    request.use = uri.empty() ? base::CertificateUse::kAuthority : base::CertificateUse::kClient;
    request.not_before = Now() - absl::Hours(24);
    request.not_after = Now() + left;
    return request;
  }
  const base::PrivateKey key_ = base::PrivateKey::Generate(base::KeyType::kP256);
  const base::Certificate root_;
};

class Target {
 public:
  Target();
  void Run(const FuzzedCall& call);

 private:
  void CheckChunks(const FuzzedCall& call, const CallOutcome& outcome) const;
  void CheckHeads(const FuzzedCall& call, const CallOutcome& outcome);

  TempDir dir_{/*in_memory=*/true};
  chunks::PartialChunks partial_;
  std::unique_ptr<peers::Shelf> shelf_;
  const audit::LogHead newest_{.size = 5, .root = std::string(32, 'r'), .signature = std::string(64, 's')};
  std::optional<audit::LogHead> heard_;
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<InProcessServer> server_;
};

Target::Target() {
  base::FileSystem& fs = base::FileSystem::Real();
  const std::string file = dir_ / "file";
  LINNET_CHECK(fs.WriteFileAtomic(file, PeerFile(), 0600).ok());
  {
    auto db = db::Database::Open(dir_ / "state.db", db::Durability::kFull);
    auto store = chunks::ChunkStore::Open(fs, dir_ / "models", **db);
    LINNET_CHECK((*store)->Import(*chunks::ChunkIndex::OfFile(fs, file, kPeerChunkBytes), file).ok());
  }
  auto shelf = peers::Shelf::Open(fs, dir_ / "models", dir_ / "state.db", partial_);
  LINNET_CHECK(shelf.ok());
  shelf_ = *std::move(shelf);
  service_ = peers::MakePeerService(
      {.shelf = *shelf_,
       .now = Now,
       .is_refused = [](const std::string& id, const auto&) { return id == std::string(16, 'r'); },
       .heads = {.newest = [this] { return newest_; },
                 .heard = [this](const auto& head) { heard_ = head; }}});
  const Fleet fleet;
  server_ = std::make_unique<InProcessServer>(
      *service_, InProcessServer::Options{
                     .descriptor = *v1::GetChunksRequest::descriptor()->file()->service(0),
                     .callers = {{},
                                 {fleet.Device('m'), ""},
                                 {fleet.Device('r'), ""},
                                 {fleet.Device('m', absl::Hours(-1)), ""},
                                 {fleet.Pem("linnet-owner:0123"), ""}},
                     .max_request_bytes = 2 << 10,
                     .documented = {StatusCode::INVALID_ARGUMENT, StatusCode::NOT_FOUND,
                                    StatusCode::PERMISSION_DENIED, StatusCode::UNAUTHENTICATED,
                                    StatusCode::FAILED_PRECONDITION, StatusCode::RESOURCE_EXHAUSTED},
                     .endless = {}});
}

void Target::Run(const FuzzedCall& call) {
  const CallOutcome outcome = server_->Call(call);
  if (server_->Method(call).name() == "ExchangeHeads") return CheckHeads(call, outcome);
  CheckChunks(call, outcome);
}

void Target::CheckHeads(const FuzzedCall& call, const CallOutcome& outcome) {
  v1::ExchangeHeadsRequest request;
  const bool message = !call.messages.empty() && request.ParseFromString(call.messages[0]);
  LINNET_CHECK(outcome.answers.empty() || (message && server_->CallerOf(call) == kMember));
  for (const std::string& bytes : outcome.answers) {
    v1::ExchangeHeadsResponse answer;
    LINNET_CHECK(answer.ParseFromString(bytes) && answer.head().size() == newest_.size &&
                 answer.head().root_sha256() == newest_.root &&
                 answer.head().signature() == newest_.signature);
  }
  LINNET_CHECK(heard_.has_value() == (outcome.status.ok() && request.has_head()));
  LINNET_CHECK(!heard_.has_value() ||
               (heard_->size == request.head().size() && heard_->root == request.head().root_sha256() &&
                heard_->signature == request.head().signature()));
  heard_.reset();
}

void Target::CheckChunks(const FuzzedCall& call, const CallOutcome& outcome) const {
  v1::GetChunksRequest request;
  const bool message = !call.messages.empty() && request.ParseFromString(call.messages[0]);
  LINNET_CHECK(outcome.answers.empty() || (message && server_->CallerOf(call) == kMember));
  LINNET_CHECK(!outcome.status.ok() || outcome.answers.size() == static_cast<size_t>(request.sha256_size()));
  for (size_t i = 0; i < outcome.answers.size(); ++i) {
    v1::GetChunksResponse answer;
    LINNET_CHECK(answer.ParseFromString(outcome.answers[i]));
    const auto digest = base::Sha256(answer.data());
    LINNET_CHECK(answer.sha256() == request.sha256(static_cast<int>(i)) &&
                 base::AsView(digest) == answer.sha256());
  }
}

}  // namespace
}  // namespace linnet::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return linnet::testing::RunCall<linnet::testing::Target>(data, size);
}
