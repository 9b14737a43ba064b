#include "tests/fleet/hostile_coordinator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "coordinator/authority.h"
#include "coordinator/site_files.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "runtime/net/tls.h"
#include "storage/chunks/chunk_store.h"
#include "storage/db/database.h"
#include "storage/repo/published.h"
#include "storage/trust/online_keys.h"
#include "storage/trust/plan.h"
#include "storage/trust/signing.h"

namespace linnet::fleet {
namespace {

base::FileSystem& Files() { return base::FileSystem::Real(); }

uint64_t VersionOf(const std::string& bytes) {
  const auto envelope = trust::Envelope::Parse(bytes);
  EXPECT_TRUE(envelope.ok()) << envelope.status();
  return static_cast<uint64_t>(*envelope->signed_part.Find("version")->integer());
}

}  // namespace

base::PrivateKey HostileCoordinator::OnlineKey(std::string_view role) const {
  const auto file = Files().ReadFile(absl::StrCat(keys_dir_, "/", trust::OnlineKeyFile(role)), 32 << 10);
  EXPECT_TRUE(file.ok()) << file.status();
  return *base::OpenKey(*file, "");
}

HostileCoordinator::HostileCoordinator(const std::string& keys_dir, const std::string& state_dir,
                                       const std::string& address, const base::Clock& clock)
    : keys_dir_(keys_dir), clock_(clock) {
  const auto db = db::Database::Open(state_dir + "/published.db", db::Durability::kNormal);
  EXPECT_TRUE(db.ok()) << db.status();
  const auto files = repo::Published(**db).From(0, 10'000);
  EXPECT_TRUE(files.ok()) << files.status();
  {
    const base::MutexLock lock(mutex_);
    for (const audit::PublishedFile& file : *files) views_[""].Publish(file);
  }
  const auto stolen = coordinator::LoadSiteFiles(Files(), keys_dir);
  EXPECT_TRUE(stolen.ok()) << stolen.status();
  auto credentials = net::ServerCredentials(
      stolen->server, [](const auto&) { return absl::OkStatus(); }, /*require_client_certificate=*/false);
  EXPECT_TRUE(credentials.ok()) << credentials.status();
  auto server = net::GrpcServer::Start({.address = address, .credentials = *credentials, .services = {this}});
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
}

void HostileCoordinator::View::Publish(const audit::PublishedFile& file) {
  entries[{file.role, file.version}] = {tree.size(), file.sha256};
  tree.Append(audit::LeafHashOf(file));
}

HostileCoordinator::View& HostileCoordinator::ViewOf(const std::string& device) {
  const auto it = views_.find(device);
  return it == views_.end() ? views_[""] : it->second;
}

HostileCoordinator::View& HostileCoordinator::ViewFor(const grpc::ServerContext& context) {
  const auto certificate = net::PeerOf(context);
  const auto hex = certificate.has_value() ? certificate->UriOf(base::kDeviceUri) : std::nullopt;
  return ViewOf(hex.has_value() ? base::UnHex(*hex).value_or("") : "");
}

void HostileCoordinator::Serve(const std::map<std::string, std::string>& roles) {
  const base::MutexLock lock(mutex_);
  ServeIn(views_[""], roles);
}

void HostileCoordinator::ServeTo(const std::string& device, const std::map<std::string, std::string>& roles) {
  const base::MutexLock lock(mutex_);
  views_.try_emplace(device, views_[""]);
  ServeIn(views_[device], roles);
}

void HostileCoordinator::Pad(const std::string& device) {
  const base::MutexLock lock(mutex_);
  ViewOf(device).Publish({"plans", ++version_, std::string(32, 'p')});
}

void HostileCoordinator::NamePeers(std::vector<std::string> addresses) {
  const base::MutexLock lock(mutex_);
  peers_ = std::move(addresses);
}

uint32_t HostileCoordinator::PeerPort(const std::string& device) {
  const base::MutexLock lock(mutex_);
  return peer_ports_[device];
}

void HostileCoordinator::ServeIn(View& view, const std::map<std::string, std::string>& roles) {
  const base::PrivateKey snapshot_key = OnlineKey("snapshot"), timestamp_key = OnlineKey("timestamp");
  const absl::Time created = clock_.Now() + absl::Seconds(ahead_seconds_.load());
  const absl::Time expires = created + absl::Hours(24);
  ++version_;
  const auto publish = [&](const std::string& role, uint64_t version, const std::string& bytes) {
    const std::string sha256(base::AsView(base::Sha256(bytes)));
    const auto it = view.entries.find({role, version});
    if (it == view.entries.end() || it->second.second != sha256) view.Publish({role, version, sha256});
  };
  std::map<std::string, trust::MetaFile> meta;
  for (const auto& [role, bytes] : roles) {
    const uint64_t version = VersionOf(bytes);
    view.metadata[{role, version}] = bytes;
    publish(role, version, bytes);
    if (role != "root") meta[role + ".json"] = trust::MetaFileOf(version, bytes);
  }
  const std::string snapshot =
      trust::SignMetadata(trust::SnapshotJson(version_, expires, meta), {&snapshot_key, 1});
  view.metadata[{"snapshot", version_}] = snapshot;
  publish("snapshot", version_, snapshot);
  view.timestamp = trust::SignMetadata(trust::TimestampJson(version_, expires, version_, snapshot, created),
                                       {&timestamp_key, 1});
  view.timestamp_version = version_;
  publish("timestamp", version_, view.timestamp);
}

void HostileCoordinator::AddFile(std::string_view bytes) {
  const base::MutexLock lock(mutex_);
  chunks_[std::string(base::AsView(base::Sha256(bytes)))] = bytes;
}

void HostileCoordinator::AddModel(std::string_view bytes, std::string_view index_json) {
  const auto index = chunks::ChunkIndex::FromJson(index_json);
  ASSERT_TRUE(index.ok()) << index.status();
  for (const auto& chunk : index->chunks) AddFile(bytes.substr(chunk.offset, chunk.length));
  AddFile(index_json);
}

void HostileCoordinator::Answer(fleet::v1::CheckInResponse answer) {
  const base::MutexLock lock(mutex_);
  answer.set_next_check_in_seconds(1);
  answer.set_peers(true);
  answer_ = std::move(answer);
}

fleet::v1::Receipt HostileCoordinator::Forge(const std::string& device_id, const std::string& certified_id,
                                             const std::string& plan_sha256, const std::string& model_sha256,
                                             const base::PrivateKey& key) const {
  const auto stolen = coordinator::LoadSiteFiles(Files(), keys_dir_);
  const coordinator::Authority authority(stolen->device_ca, stolen->device_ca_key, stolen->fleet_root);
  const auto issued = authority.Issue(certified_id, key.public_key().Raw(), clock_.Now());
  EXPECT_TRUE(issued.ok()) << issued.status();
  fleet::v1::Receipt receipt;
  receipt.set_device_id(device_id);
  receipt.set_plan_sha256(plan_sha256);
  receipt.set_model_sha256(model_sha256);
  receipt.set_outcome(fleet::v1::PASSED);
  receipt.set_counter(1);
  receipt.set_signature(
      *key.SignRaw(trust::ReceiptMessage(device_id, plan_sha256, model_sha256, fleet::v1::PASSED, 1)));
  for (const std::string& der : issued->chain) receipt.add_certificate_chain(der);
  return receipt;
}

void HostileCoordinator::Tamper(std::function<void(google::protobuf::Message&)> tamper) {
  const base::MutexLock lock(mutex_);
  tamper_ = std::move(tamper);
}

std::vector<std::string> HostileCoordinator::heard() {
  const base::MutexLock lock(mutex_);
  return heard_;
}

std::set<std::string> HostileCoordinator::heard_beside() {
  const base::MutexLock lock(mutex_);
  return beside_;
}

std::set<uint32_t> HostileCoordinator::heard_revisions() {
  const base::MutexLock lock(mutex_);
  return revisions_;
}

std::vector<fleet::v1::ReportRequest> HostileCoordinator::reports() {
  const base::MutexLock lock(mutex_);
  return reports_;
}

grpc::Status HostileCoordinator::Hear(const grpc::ServerContext& context,
                                      const google::protobuf::Message& request) {
  const base::MutexLock lock(mutex_);
  heard_.push_back(request.SerializeAsString());
  for (const auto& [key, value] : context.client_metadata()) {
    beside_.insert(
        absl::StrCat(std::string(key.data(), key.size()), ": ", std::string(value.data(), value.size())));
  }
  const uint32_t protocol =
      request.GetReflection()->GetUInt32(request, request.GetDescriptor()->FindFieldByName("protocol"));
  if (protocol > speaks_) return {grpc::StatusCode::FAILED_PRECONDITION, "protocol: not spoken here"};
  revisions_.insert(protocol);
  return grpc::Status::OK;
}

grpc::Status HostileCoordinator::Say(google::protobuf::Message& response) {
  if (tamper_) tamper_(response);
  return grpc::Status::OK;
}

grpc::Status HostileCoordinator::CheckIn(grpc::ServerContext* context,
                                         const fleet::v1::CheckInRequest* request,
                                         fleet::v1::CheckInResponse* response) {
  ++check_ins_;
  if (grpc::Status refused = Hear(*context, *request); !refused.ok()) return refused;
  const base::MutexLock lock(mutex_);
  const auto certificate = net::PeerOf(*context);
  if (certificate.has_value()) {
    peer_ports_[base::UnHex(certificate->UriOf(base::kDeviceUri).value_or("")).value_or("")] =
        request->peer_port();
  }
  const View& view = ViewFor(*context);
  *response = answer_;
  response->set_protocol(speaks_);
  response->set_timestamp_version(view.timestamp_version);
  response->set_log_size(log_hidden_ ? 0 : view.tree.size());
  return Say(*response);
}

grpc::Status HostileCoordinator::GetLogProof(grpc::ServerContext* context,
                                             const fleet::v1::GetLogProofRequest* request,
                                             fleet::v1::GetLogProofResponse* response) {
  ++log_requests_;
  if (grpc::Status refused = Hear(*context, *request); !refused.ok()) return refused;
  const base::PrivateKey timestamp_key = OnlineKey("timestamp");
  const base::MutexLock lock(mutex_);
  const View& view = ViewFor(*context);
  const auto head = audit::SignHead(view.tree, timestamp_key);
  EXPECT_TRUE(head.ok()) << head.status();
  response->mutable_head()->set_size(head->size);
  response->mutable_head()->set_root_sha256(head->root);
  response->mutable_head()->set_signature(head->signature);
  const auto set = [](const audit::Proof& proof, fleet::v1::LogProof* out) {
    for (const std::string& hash : proof) out->add_sha256(hash);
  };
  for (const fleet::v1::OldLog& old : request->old()) {  // the best that it can do
    fleet::v1::LogProof* grown = response->add_grown();
    if (old.size() < view.tree.size()) set(view.tree.Consistency(old.size(), view.tree.size()), grown);
  }
  const auto include = [&](const char* role, uint64_t version, fleet::v1::LogProof* out) {
    const auto it = view.entries.find({role, version});
    if (it == view.entries.end()) return;
    out->set_index(it->second.first);
    set(view.tree.Inclusion(it->second.first, view.tree.size()), out);
  };
  include("timestamp", request->timestamp_version(), response->mutable_timestamp());
  include("snapshot", request->snapshot_version(), response->mutable_snapshot());
  return Say(*response);
}

grpc::Status HostileCoordinator::GetPeers(grpc::ServerContext* context,
                                          const fleet::v1::GetPeersRequest* request,
                                          fleet::v1::GetPeersResponse* response) {
  if (grpc::Status refused = Hear(*context, *request); !refused.ok()) return refused;
  const base::MutexLock lock(mutex_);
  for (const std::string& address : peers_) {
    fleet::v1::PeerEndpoint* peer = response->add_peers();
    peer->set_address(address);
    peer->set_complete(true);
  }
  return Say(*response);
}

grpc::Status HostileCoordinator::GetMetadata(grpc::ServerContext* context,
                                             const fleet::v1::GetMetadataRequest* request,
                                             fleet::v1::GetMetadataResponse* response) {
  ++metadata_requests_;
  absl::SleepFor(absl::Milliseconds(pause_ms_.load()));
  if (grpc::Status refused = Hear(*context, *request); !refused.ok()) return refused;
  const base::MutexLock lock(mutex_);
  const View& view = ViewFor(*context);
  if (request->role() == fleet::v1::TIMESTAMP) {
    response->set_metadata(view.timestamp);
    return Say(*response);
  }
  for (const auto& [key, bytes] : view.metadata) {
    const auto& [role, version] = key;
    const bool same = (request->role() == fleet::v1::ROOT && role == "root") ||
                      (request->role() == fleet::v1::SNAPSHOT && role == "snapshot") ||
                      (request->role() == fleet::v1::TARGETS && role == "targets") ||
                      (request->role() == fleet::v1::DELEGATED &&
                       base::AsView(base::Sha256(role)) == request->role_name_sha256());
    if (!same || version != request->version()) continue;
    response->set_metadata(bytes);
    return Say(*response);
  }
  return {grpc::StatusCode::NOT_FOUND, "no"};
}

grpc::Status HostileCoordinator::GetChunks(grpc::ServerContext* context,
                                           const fleet::v1::GetChunksRequest* request,
                                           grpc::ServerWriter<fleet::v1::GetChunksResponse>* writer) {
  if (grpc::Status refused = Hear(*context, *request); !refused.ok()) return refused;
  for (const std::string& sha256 : request->sha256()) {
    fleet::v1::GetChunksResponse response;
    {
      const base::MutexLock lock(mutex_);
      const auto chunk = chunks_.find(sha256);
      if (chunk == chunks_.end()) return {grpc::StatusCode::NOT_FOUND, "no"};
      response.set_sha256(sha256);
      response.set_data(chunk->second);
      Say(response);
    }
    absl::SleepFor(absl::Milliseconds(pause_ms_.load()));
    if (!writer->Write(response)) break;
  }
  return grpc::Status::OK;
}

grpc::Status HostileCoordinator::Report(grpc::ServerContext* context, const fleet::v1::ReportRequest* request,
                                        fleet::v1::ReportResponse* response) {
  if (grpc::Status refused = Hear(*context, *request); !refused.ok()) return refused;
  const base::MutexLock lock(mutex_);
  reports_.push_back(*request);
  return Say(*response);
}

}  // namespace linnet::fleet
