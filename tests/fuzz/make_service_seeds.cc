// Writes small valid calls of every method for the fuzz targets of services, and tokens: make_service_seeds
// FOLDER. They are committed under tests/fuzz/data; run it again when a protocol gets a method.

#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "linnet/admin/v1/admin.pb.h"
#include "linnet/agent/v1/agent.pb.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "linnet/peer/v1/peer.pb.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/enrollment_token.h"
#include "tests/fuzz/agent_world.h"
#include "tests/fuzz/coordinator_world.h"
#include "tests/fuzz/fuzzed_call.h"
#include "tests/fuzz/peer_file.h"

namespace linnet::testing {
namespace {

namespace pb = google::protobuf;

std::string Digest(std::string_view bytes) {
  const auto digest = base::Sha256(bytes);
  return std::string(base::AsView(digest));
}

// Seeds of one target: calls by the name of their method. Ends with a complaint when a method has none.
class Seeds {
 public:
  Seeds(const pb::FileDescriptor& file, std::string folder)
      : service_(*file.service(0)), folder_(std::move(folder)) {}

  void Add(const std::string& method, uint8_t caller, uint8_t flags,
           const std::vector<const pb::Message*>& messages, const std::string& suffix = "") {
    const pb::MethodDescriptor* found = service_.FindMethodByName(method);
    LINNET_CHECK(found != nullptr);
    FuzzedCall call{.method = static_cast<uint8_t>(found->index()), .caller = caller, .flags = flags};
    for (const pb::Message* message : messages) {
      LINNET_CHECK(message->GetDescriptor() == found->input_type());
      call.messages.push_back(message->SerializeAsString());
    }
    calls_[method + suffix] = call.ToBytes();
    ++methods_[method];
  }
  // A stream that ends in bytes that are no message of it.
  void AddDamaged(const std::string& method, uint8_t caller, uint8_t flags, const pb::Message* first,
                  const std::string& bytes, const std::string& suffix) {
    const pb::MethodDescriptor* found = service_.FindMethodByName(method);
    LINNET_CHECK(found != nullptr && found->client_streaming());
    FuzzedCall call{.method = static_cast<uint8_t>(found->index()), .caller = caller, .flags = flags};
    if (first != nullptr) call.messages.push_back(first->SerializeAsString());
    call.messages.push_back(bytes);
    calls_[method + suffix] = call.ToBytes();
  }
  void Write() const {
    for (int i = 0; i < service_.method_count(); ++i) {
      if (methods_.count(service_.method(i)->name()) != 0) continue;
      std::fprintf(stderr, "%s has no seed\n", service_.method(i)->full_name().c_str());
      LINNET_CHECK(!"every method has one");
    }
    std::filesystem::create_directories(folder_);
    for (const auto& [name, bytes] : calls_) {
      LINNET_CHECK(
          base::FileSystem::Real().WriteFileAtomic(absl::StrCat(folder_, "/", name), bytes, 0644).ok());
    }
  }

 private:
  const pb::ServiceDescriptor& service_;
  const std::string folder_;
  std::map<std::string, std::string> calls_;
  std::map<std::string, int> methods_;
};

void Fleet(const std::string& folder) {
  namespace v1 = fleet::v1;
  Seeds seeds(*v1::EnrollRequest::descriptor()->file(), folder + "/fleet_service_fuzz");
  v1::EnrollRequest enroll;
  enroll.set_protocol(1);
  enroll.set_token_id(std::string(8, 't'));
  enroll.set_device_id(std::string(16, 'g'));
  enroll.set_public_key("\x04" + std::string(64, 'k'));
  enroll.set_nonce(std::string(16, 'n'));
  enroll.set_mac(std::string(32, 'a'));
  enroll.set_signature(std::string(64, 's'));
  seeds.Add("Enroll", 0, 0, {&enroll});
  seeds.Add("Enroll", 0, 1, {&enroll}, "_proved");
  enroll.set_device_id(CoordinatorWorld::MemberId());
  seeds.Add("Enroll", 0, 1, {&enroll}, "_as_a_member");
  v1::RenewRequest renew;
  renew.set_protocol(1);
  renew.set_device_id(CoordinatorWorld::MemberId());
  renew.set_new_public_key("\x04" + std::string(64, 'k'));
  renew.set_nonce(std::string(16, 'n'));
  renew.set_old_signature(std::string(64, 's'));
  renew.set_new_signature(std::string(64, 's'));
  seeds.Add("Renew", 0, 0, {&renew});
  seeds.Add("Renew", 1, 1, {&renew}, "_proved");
  v1::CheckInRequest check_in;
  check_in.set_protocol(1);
  check_in.set_agent_version(1'002'003);
  check_in.set_state(v1::IDLE);
  check_in.set_model_sha256(Digest(CoordinatorWorld::ModelBytes("1")));
  check_in.set_release_counter(1);
  check_in.set_instruction_set(v1::AVX2);
  check_in.set_ram_mib(512);
  check_in.set_cores(4);
  check_in.set_free_flash_mib(1000);
  check_in.set_peer_port(7402);
  for (uint8_t caller = 0; caller < 7; ++caller) {
    seeds.Add("CheckIn", caller, 0, {&check_in}, absl::StrCat("_", caller));
  }
  v1::WatchRequest watch;
  watch.set_protocol(1);
  seeds.Add("Watch", 1, 0, {&watch});
  v1::GetMetadataRequest metadata;
  metadata.set_protocol(1);
  metadata.set_role(v1::DELEGATED);
  metadata.set_role_name_sha256(Digest("plans"));
  metadata.set_version(1);
  seeds.Add("GetMetadata", 1, 0, {&metadata});
  metadata.set_role(v1::TIMESTAMP);
  metadata.clear_role_name_sha256();
  metadata.clear_version();
  seeds.Add("GetMetadata", 2, 0, {&metadata}, "_timestamp");
  v1::GetLogProofRequest proof;
  proof.set_protocol(1);
  proof.add_old()->set_size(3);
  proof.set_timestamp_version(1);
  proof.set_snapshot_version(1);
  seeds.Add("GetLogProof", 1, 0, {&proof});
  v1::GetChunksRequest chunks;
  chunks.set_protocol(1);
  const std::string model = CoordinatorWorld::ModelBytes("1");
  for (size_t at = 0; at < model.size(); at += 4096) chunks.add_sha256(Digest(model.substr(at, 4096)));
  seeds.Add("GetChunks", 1, 0, {&chunks});
  chunks.set_asking(v1::SPARING);
  chunks.add_sha256(std::string(32, 'u'));
  seeds.Add("GetChunks", 2, 0, {&chunks}, "_sparing");
  v1::GetPeersRequest peers;
  peers.set_protocol(1);
  peers.set_file_sha256(Digest(model));
  peers.set_peer_port(7402);
  seeds.Add("GetPeers", 1, 0, {&peers});
  v1::ReportRequest report;
  report.set_protocol(1);
  report.set_attempt(1);
  report.set_sequence(1);
  report.set_state(v1::DOWNLOAD);
  seeds.Add("Report", 1, 0, {&report}, "_progress");
  report.set_state(v1::REPORT);
  report.set_reason(v1::REASON_NONE);
  v1::Receipt& receipt = *report.mutable_receipt();
  receipt.set_device_id(std::string(16, 'c'));
  receipt.set_plan_sha256(std::string(32, 'p'));
  receipt.set_model_sha256(Digest(model));
  receipt.set_outcome(v1::PASSED);
  receipt.set_counter(1);
  receipt.set_signature(std::string(64, 's'));
  receipt.add_certificate_chain(std::string(100, 'l'));
  seeds.Add("Report", 2, 0, {&report});
  seeds.Add("Report", 2, 1, {&report}, "_proved");
  receipt.set_outcome(v1::FAILED);
  report.set_reason(v1::SELF_CHECK_FAILED);
  seeds.Add("Report", 2, 1, {&report}, "_failed");
  receipt.set_device_id(CoordinatorWorld::MemberId());
  seeds.Add("Report", 2, 1, {&report}, "_of_another");
  seeds.Write();
}

void Admin(const std::string& folder) {
  namespace v1 = admin::v1;
  Seeds seeds(*v1::StatusRequest::descriptor()->file(), folder + "/admin_service_fuzz");
  v1::CreateTokenRequest token;
  token.set_device_name("oven");
  token.set_valid_seconds(600);
  for (uint8_t caller = 0; caller < 5; ++caller) {
    seeds.Add("CreateToken", caller, 0, {&token}, absl::StrCat("_", caller));
  }
  const v1::ListDevicesRequest devices;
  seeds.Add("ListDevices", 1, 0, {&devices});
  v1::ListDevicesRequest page;
  page.set_page_size(1);
  page.set_page_token(CoordinatorWorld::MemberId());
  seeds.Add("ListDevices", 1, 0, {&page}, "_a_page");
  v1::RevokeDeviceRequest revoke;
  revoke.set_id(CoordinatorWorld::MemberId());
  seeds.Add("RevokeDevice", 1, 0, {&revoke});
  v1::PublishRequest role, header, data;
  role.mutable_metadata()->set_role("models/starter");
  role.mutable_metadata()->set_bytes("{\"signatures\":[],\"signed\":{}}");
  header.mutable_target()->set_name(CoordinatorWorld::kModelTarget);
  header.mutable_target()->set_size_bytes(5);
  header.mutable_target()->set_sha256(Digest("bytes"));
  data.set_target_data("bytes");
  seeds.Add("Publish", 1, 0, {&role, &header, &data});
  constexpr uint8_t kSigned = 1, kAtEnd = 15 << 1, kInstead = 128;
  seeds.Add("Publish", 1, kSigned, {}, "_good");
  seeds.Add("Publish", 0, kSigned, {}, "_good_of_nobody");
  seeds.Add("Publish", 2, kSigned, {}, "_good_of_a_device");
  seeds.Add("Publish", 1, kSigned | kAtEnd, {&role}, "_role_twice");
  seeds.Add("Publish", 1, kSigned | kAtEnd, {&header, &data}, "_and_a_target");
  for (uint8_t part = 0; part < 5; ++part) {
    seeds.Add("Publish", 1, static_cast<uint8_t>(kSigned | part << 1 | kInstead), {},
              absl::StrCat("_without_part_", part));
  }
  seeds.Add("Publish", 1, kSigned | 2 << 1 | kInstead, {&data}, "_other_bytes");
  seeds.AddDamaged("Publish", 1, 0, &role, "\x0a\xff", "_damaged");
  seeds.AddDamaged("Publish", 1, kSigned | kAtEnd, nullptr, "\x0a\xff", "_good_then_damaged");
  data.set_target_data(std::string(17 << 10, 'x'));
  seeds.Add("Publish", 1, kSigned | kAtEnd, {&data}, "_good_then_too_large");
  const v1::GetRepositoryRequest repository;
  seeds.Add("GetRepository", 1, 0, {&repository});
  v1::StartRolloutRequest start;
  start.set_plan(CoordinatorWorld::kPlanTarget);
  seeds.Add("StartRollout", 1, 0, {&start}, "_that_runs");
  start.set_plan(CoordinatorWorld::kNextPlanTarget);
  seeds.Add("StartRollout", 1, 0, {&start});
  start.set_plan(CoordinatorWorld::kLiftTarget);
  seeds.Add("StartRollout", 1, 0, {&start}, "_by_a_lift");
  const std::string id(CoordinatorWorld::kPlanTarget + 6, 32);
  v1::StopRolloutRequest stop;
  stop.set_rollout_id(id);
  seeds.Add("StopRollout", 1, 0, {&stop});
  const v1::PauseRolloutRequest pause;
  seeds.Add("PauseRollout", 1, 0, {&pause});
  v1::ResumeRolloutRequest resume;
  resume.set_lift(CoordinatorWorld::kLiftTarget);
  seeds.Add("ResumeRollout", 1, 0, {&resume}, "_that_runs");
  seeds.Add("ResumeRollout", 1, 1, {&resume});
  resume.set_lift(absl::StrCat("plans/", id, ".lift-1-1.json"));
  seeds.Add("ResumeRollout", 1, 1, {&resume}, "_by_no_lift");
  resume.set_lift(CoordinatorWorld::kPlanTarget);
  seeds.Add("ResumeRollout", 1, 0, {&resume}, "_by_a_plan");
  const v1::ListRolloutsRequest rollouts;
  seeds.Add("ListRollouts", 1, 0, {&rollouts});
  v1::ListRolloutsRequest rollouts_page;
  rollouts_page.set_most_devices(0);
  rollouts_page.set_page_size(1);
  rollouts_page.set_page_token(id);
  seeds.Add("ListRollouts", 1, 0, {&rollouts_page}, "_a_page");
  v1::WatchRolloutRequest watch;
  watch.set_rollout_id(id);
  seeds.Add("WatchRollout", 1, 0, {&watch});
  watch.set_most_devices(0);
  seeds.Add("WatchRollout", 1, 0, {&watch}, "_without_devices");
  v1::GetPlanRequest plan;
  plan.set_rollout_id(id);
  seeds.Add("GetPlan", 1, 0, {&plan});
  v1::GetTargetRequest target;
  target.set_target(CoordinatorWorld::kPlanTarget);
  seeds.Add("GetTarget", 1, 0, {&target});
  target.set_target(CoordinatorWorld::kModelTarget);
  seeds.Add("GetTarget", 1, 0, {&target}, "_of_another_role");
  v1::ListAuditRequest audit;
  audit.set_limit(3);
  audit.set_oldest_first(true);
  audit.set_after_id(1);
  audit.set_about("press");
  seeds.Add("ListAudit", 1, 0, {&audit});
  v1::ListPublishedRequest published;
  published.set_from(1);
  published.set_limit(3);
  seeds.Add("ListPublished", 1, 0, {&published});
  const v1::StatusRequest status;
  seeds.Add("Status", 1, 0, {&status});
  seeds.Add("Status", 2, 0, {&status}, "_of_a_device");
  v1::ListProgressRequest progress;
  progress.set_rollout_id(id);
  progress.set_page_size(1);
  seeds.Add("ListProgress", 1, 0, {&progress});
  progress.set_page_token(CoordinatorWorld::MemberId());
  progress.set_reported(true);
  seeds.Add("ListProgress", 1, 0, {&progress}, "_after_the_last");
  seeds.Write();
}

void Agent(const std::string& folder) {
  namespace v1 = agent::v1;
  constexpr uint8_t kAll = kHasAll, kAsk = kMayAsk, kIngest = kMayIngest, kMetrics = kMayMeasure;
  constexpr uint8_t kLocal = kLocalUser, kManage = kMayManage;
  Seeds seeds(*v1::StatusRequest::descriptor()->file(), folder + "/agent_service_fuzz");
  v1::GenerateRequest generate;
  generate.set_prompt("Is the light on?");
  generate.set_max_tokens(4);
  generate.add_stop("\n");
  generate.set_json_schema(R"({"type":"string","maxLength":3})");
  v1::Sampling& sampling = *generate.mutable_sampling();
  sampling.set_temperature(0.7F);
  sampling.set_top_k(5);
  sampling.set_seed(1);
  sampling.set_dry_multiplier(0.8F);
  sampling.add_dry_sequence_breakers("\n");
  sampling.set_mirostat(2);
  sampling.add_logit_bias()->set_token(7);
  sampling.add_samplers("top_k");
  sampling.add_samplers("temperature");
  seeds.Add("Generate", kAsk, 0, {&generate});
  seeds.Add("Generate", kMetrics, 0, {&generate}, "_without_scope");
  v1::ChatRequest chat;
  v1::ChatMessage& said = *chat.add_messages();
  said.set_role("user");
  said.set_content("Hello");
  chat.set_max_tokens(3);
  chat.set_context_shift_keep(4);
  seeds.Add("Chat", kLocal, 0, {&chat});
  v1::AskRequest ask;
  ask.set_text("Turn off the light in the kitchen.");
  seeds.Add("Ask", kAll, 0, {&ask});
  ask.set_text("What is wrong with the press?");
  ask.set_kind(v1::REPORT);
  ask.set_language(v1::ENGLISH);
  ask.set_speech(true);
  seeds.Add("Ask", kAsk, 0, {&ask}, "_report");
  ask.set_text("Was kann ich heute kochen?");
  ask.set_kind(v1::RECIPE);
  ask.set_language(v1::GERMAN);
  seeds.Add("Ask", kAsk, 0, {&ask}, "_recipe");
  v1::IngestRequest ingest;
  ingest.set_channel(AgentWorld::kChannel);
  ingest.set_unit("m/s2");
  for (int i = 0; i < 5; ++i) {
    v1::Reading& reading = *ingest.add_readings();
    reading.set_time_unix_micros(absl::ToUnixMicros(AgentWorld::Now()) + (200 + i) * 1'000'000);
    reading.set_value(0.5 * i);
  }
  seeds.Add("Ingest", kIngest, 0, {&ingest});
  seeds.Add("Ingest", kIngest, 0, {&ingest, &ingest}, "_twice");
  seeds.Add("Ingest", kAsk, 0, {&ingest}, "_without_scope");
  seeds.AddDamaged("Ingest", kIngest, 0, nullptr, "\x0a\xff", "_damaged");
  seeds.AddDamaged("Ingest", kIngest, 0, &ingest, "\x0a\xff", "_then_damaged");
  seeds.AddDamaged("Ingest", kIngest, 0, &ingest, std::string(17 << 10, 'x'), "_then_too_large");
  v1::SetInventoryRequest inventory;
  v1::InventoryItem& item = *inventory.add_items();
  item.set_name("Lachs");
  item.set_quantity(300);
  item.set_unit("g");
  item.set_days_left(2);
  seeds.Add("SetInventory", kIngest, 0, {&inventory});
  v1::SetEntitiesRequest entities;
  v1::Entity& room = *entities.add_entities();
  room.set_kind(v1::ROOM);
  room.set_name("kitchen");
  room.add_aliases("Küche");
  (*room.mutable_state())["light"] = "on";
  v1::Entity& fan = *entities.add_entities();
  fan.set_kind(v1::DEVICE);
  fan.set_name("fan");
  fan.set_room("kitchen");
  entities.set_own_room("kitchen");
  seeds.Add("SetEntities", kLocal, 0, {&entities});
  v1::ListAnomaliesRequest anomalies;
  anomalies.set_limit(3);
  seeds.Add("ListAnomalies", kAll, 0, {&anomalies});
  const v1::ListModelsRequest models;
  seeds.Add("ListModels", kAll, 0, {&models});
  v1::PrivacyJournalRequest journal;
  journal.set_after_id(1);
  journal.set_limit(10);
  seeds.Add("PrivacyJournal", kAll, 0, {&journal});
  const v1::StatusRequest status;
  for (uint8_t caller = 0; caller < kAgentCallers; ++caller) {
    seeds.Add("Status", caller, 0, {&status}, absl::StrCat("_", caller));
  }
  v1::CreateGrantRequest grant;
  grant.set_name("phone");
  grant.add_scopes("ask");
  grant.set_valid_seconds(3600);
  seeds.Add("CreateGrant", kAll, 0, {&grant});
  seeds.Add("CreateGrant", kManage, 0, {&grant}, "_of_what_it_lacks");
  const v1::ListGrantsRequest grants;
  seeds.Add("ListGrants", kLocal, 0, {&grants});
  v1::RevokeGrantRequest revoke;
  revoke.set_id("0123456789abcdef");
  seeds.Add("RevokeGrant", kAll, 0, {&revoke}, "_unknown");
  seeds.Add("RevokeGrant", kAll, 1, {&revoke});
  const v1::CheckForUpdateRequest check;
  seeds.Add("CheckForUpdate", kAll, 0, {&check});
  const v1::ForgetLogRequest forget;
  seeds.Add("ForgetLog", kAll, 0, {&forget});
  v1::OfferModelRequest offer;
  offer.set_path("/nowhere/model.linnet");
  offer.set_target_name(CoordinatorWorld::kModelTarget);
  seeds.Add("OfferModel", kLocal, 0, {&offer});
  offer.set_path("/");  // a folder, and no bundle
  offer.set_root_sha256(std::string(32, 'r'));
  seeds.Add("OfferModel", kLocal, 0, {&offer}, "_bundle");
  seeds.Write();
}

void Peer(const std::string& folder) {
  namespace v1 = peer::v1;
  Seeds seeds(*v1::GetChunksRequest::descriptor()->file(), folder + "/peer_service_fuzz");
  v1::GetChunksRequest chunks;
  chunks.set_protocol(1);
  const std::string file = PeerFile();
  for (size_t at = 0; at < file.size(); at += kPeerChunkBytes) {
    chunks.add_sha256(Digest(file.substr(at, kPeerChunkBytes)));
  }
  for (uint8_t caller = 0; caller < 5; ++caller) {
    seeds.Add("GetChunks", caller, 0, {&chunks}, absl::StrCat("_", caller));
  }
  chunks.set_sha256(1, std::string(32, 'u'));
  seeds.Add("GetChunks", 1, 0, {&chunks}, "_one_absent");
  v1::ExchangeHeadsRequest heads;
  heads.set_protocol(1);
  heads.mutable_head()->set_size(7);
  heads.mutable_head()->set_root_sha256(std::string(32, 'o'));
  heads.mutable_head()->set_signature(std::string(64, 't'));
  seeds.Add("ExchangeHeads", 1, 0, {&heads});
  seeds.Add("ExchangeHeads", 2, 0, {&heads}, "_of_the_revoked");
  seeds.Write();
}

void Tokens(const std::string& folder) {
  const std::string dir = folder + "/enrollment_token_fuzz";
  std::filesystem::create_directories(dir);
  const net::EnrollmentToken token{.coordinator_address = "192.168.1.7:7300",
                                   .spki_sha256 = std::string(32, 'p'),
                                   .id = std::string(8, 'i'),
                                   .secret = std::string(32, 's')};
  const std::string text = token.Encode();
  const std::map<std::string, std::string> seeds = {
      {"token", text},
      {"between_spaces", " " + text + "\r\n"},
      {"cut", text.substr(0, text.size() - 1)},
      {"body", token.spki_sha256 + token.id + token.secret + token.coordinator_address},
      {"newer", "linnet2-" + text.substr(8)},
      {"version_of_control_characters", "linnet\n\x1b[2J\xff-"}};
  for (const auto& [name, bytes] : seeds) {
    LINNET_CHECK(base::FileSystem::Real().WriteFileAtomic(absl::StrCat(dir, "/", name), bytes, 0644).ok());
  }
}

}  // namespace
}  // namespace linnet::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_service_seeds FOLDER\n");
    return 2;
  }
  const std::string folder = argv[1];
  linnet::testing::Fleet(folder);
  linnet::testing::Admin(folder);
  linnet::testing::Agent(folder);
  linnet::testing::Peer(folder);
  linnet::testing::Tokens(folder);
  return 0;
}
