#include "agent/fleet/fleet_link.h"

#include <sys/utsname.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/fleet/enroll.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::fleet {
namespace {

// More are not looked at (agent/update/receipts.cc).
constexpr int kMostReceipts = 1024;

uint32_t Saturated(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, std::numeric_limits<uint32_t>::max()));
}

v1::InstructionSet InstructionSetOf(std::string_view kernel_set) {
  static constexpr std::pair<std::string_view, v1::InstructionSet> kSets[] = {
      {"scalar", v1::SCALAR},          {"avx2", v1::AVX2}, {"avxvnni", v1::AVX_VNNI},
      {"avx512vnni", v1::AVX512_VNNI}, {"neon", v1::NEON}, {"neon_dotprod", v1::NEON_DOTPROD},
      {"neon_i8mm", v1::NEON_I8MM},
  };
  for (const auto& [name, value] : kSets) {
    if (name == kernel_set) return value;
  }
  return v1::INSTRUCTION_SET_UNSPECIFIED;
}

update::Receipt FromProto(const v1::Receipt& r) {
  update::Receipt receipt;
  receipt.device_id = r.device_id();
  receipt.plan_sha256 = r.plan_sha256();
  receipt.model_sha256 = r.model_sha256();
  receipt.outcome = r.outcome() == v1::PASSED        ? update::Outcome::kPassed
                    : r.outcome() == v1::FAILED      ? update::Outcome::kFailed
                    : r.outcome() == v1::ROLLED_BACK ? update::Outcome::kRolledBack
                                                     : update::Outcome::kNone;
  receipt.counter = r.counter();
  receipt.signature = r.signature();
  receipt.certificate_chain.assign(r.certificate_chain().begin(), r.certificate_chain().end());
  return receipt;
}

audit::Proof HashesOf(const v1::LogProof& proof) { return {proof.sha256().begin(), proof.sha256().end()}; }

void ToProto(const update::Receipt& receipt, v1::Receipt& r) {
  r.set_device_id(receipt.device_id);
  r.set_plan_sha256(receipt.plan_sha256);
  r.set_model_sha256(receipt.model_sha256);
  r.set_outcome(static_cast<v1::Outcome>(receipt.outcome));
  r.set_counter(receipt.counter);
  r.set_signature(receipt.signature);
  for (const std::string& der : receipt.certificate_chain) r.add_certificate_chain(der);
}

}  // namespace

trust::DeviceFacts PlanFacts(const DeviceFacts& facts) {
  trust::DeviceFacts out{.kernels = "",
                         .architecture = "",
                         .ram_mib = facts.ram_mib,
                         .cores = facts.cores,
                         .agent_version = facts.agent_version};
  if (const v1::InstructionSet set = InstructionSetOf(facts.kernel_set);
      set != v1::INSTRUCTION_SET_UNSPECIFIED) {
    out.kernels = absl::AsciiStrToLower(v1::InstructionSet_Name(set));
  }
  out.architecture = trust::ArchitectureOf(out.kernels);
  utsname system;  // scalar kernels run on all of them
  if (out.architecture.empty() && uname(&system) == 0) {
    for (const std::string_view known : trust::kArchitectureNames) {
      if (known == system.machine) out.architecture = known;
    }
  }
  return out;
}

FleetLink::FleetLink(Membership& membership, UplinkGate& gate, DeviceFacts facts,
                     uint64_t download_bytes_a_second, const base::Clock& clock)
    : membership_(membership),
      gate_(gate),
      facts_(std::move(facts)),
      download_bytes_a_second_(download_bytes_a_second),
      clock_(clock) {
  if (download_bytes_a_second > 0) {
    paced_.emplace(static_cast<chunks::ChunkSource&>(*this), download_bytes_a_second, clock,
                   [this](absl::Duration time) { return Pause(time); });
  }
}

void FleetLink::SetPeers(peers::Peers& peers) { peers_ = &peers; }

chunks::ChunkSource& FleetLink::ChunksOf(std::string_view file_sha256) {
  {
    base::MutexLock lock(mutex_);
    if (peers_ == nullptr || !knows_peers_ || !peers_->wanted()) return chunks();
  }
  chunks::ChunkSource& source = peers_->Of(file_sha256);
  if (download_bytes_a_second_ == 0) return source;
  if (!paced_peers_.has_value()) {
    paced_peers_.emplace(source, download_bytes_a_second_, clock_,
                         [this](absl::Duration time) { return Pause(time); });
  }
  return *paced_peers_;
}

absl::Status FleetLink::Pause(absl::Duration time) {
  base::MutexLock lock(mutex_);
  while (!down_ && went_down_.WaitFor(mutex_, time)) {
  }
  return down_ ? absl::CancelledError("the agent is stopping") : absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<FleetClient>> FleetLink::client() {
  base::MutexLock lock(mutex_);
  if (down_) return absl::CancelledError("the agent is stopping");
  if (client_ == nullptr) {
    LINNET_ASSIGN_OR_RETURN(const update::Credentials credentials, membership_.credentials());
    LINNET_ASSIGN_OR_RETURN(client_,
                            FleetClient::Create(membership_.enrolment()->coordinator, IdentityOf(credentials),
                                                CoordinatorOf(credentials, membership_), gate_));
  }
  return client_;
}

void FleetLink::Reset() {
  base::MutexLock lock(mutex_);
  if (client_ != nullptr) client_->Shutdown();
  client_.reset();
  knows_peers_ = false;
}

void FleetLink::Shutdown() {
  base::MutexLock lock(mutex_);
  down_ = true;
  went_down_.SignalAll();
  if (client_ != nullptr) client_->Shutdown();
}

bool FleetLink::reachable() {
  base::MutexLock lock(mutex_);
  return client_ != nullptr && client_->reachable();
}

bool FleetLink::refused() {
  base::MutexLock lock(mutex_);
  return client_ != nullptr && client_->refused();
}

uint32_t FleetLink::PeerPort(FleetClient& connection) {
  {
    base::MutexLock lock(mutex_);
    if (peers_ == nullptr || !knows_peers_) return 0;
  }
  const absl::StatusOr<update::Credentials> credentials = membership_.credentials();
  if (!credentials.ok()) return 0;
  return static_cast<uint32_t>(peers_->Serve(
      {IdentityOf(*credentials), credentials->fleet_root, credentials->device_id}, connection.other_end()));
}

absl::StatusOr<update::CheckInAnswer> FleetLink::CheckIn(const update::CheckInFacts& facts) {
  LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<FleetClient> connection, client());
  v1::CheckInRequest request;
  request.set_agent_version(facts_.agent_version);
  request.set_state(static_cast<v1::UpdateState>(facts.state));
  request.set_model_sha256(facts.model_sha256);
  request.set_release_counter(Saturated(facts.release_counter));
  request.set_instruction_set(InstructionSetOf(facts_.kernel_set));
  request.set_ram_mib(facts_.ram_mib);
  request.set_cores(facts_.cores);
  request.set_free_flash_mib(Saturated(facts.free_flash_bytes >> 20));
  request.set_peer_port(PeerPort(*connection));
  absl::StatusOr<v1::CheckInResponse> first = connection->CheckIn(request);
  if (absl::IsInvalidArgument(first.status())) {
    // Perhaps an older coordinator of revision 1 has come, which does not know the port: it is not said again
    // until a check-in was answered.
    base::MutexLock lock(mutex_);
    knows_peers_ = false;
  }
  LINNET_ASSIGN_OR_RETURN(v1::CheckInResponse response, std::move(first));
  if (peers_ != nullptr) {
    {
      base::MutexLock lock(mutex_);
      knows_peers_ = response.peers();
    }
    // Said at once: the next check-in may be far away, and an update begin now.
    const uint32_t port = PeerPort(*connection);
    if (port != request.peer_port()) {
      request.set_peer_port(port);
      LINNET_ASSIGN_OR_RETURN(response, connection->CheckIn(request));
    }
  }
  update::CheckInAnswer answer;
  answer.timestamp_version = response.timestamp_version();
  answer.plan = response.plan();
  answer.stop = response.stop();
  answer.next_check = absl::Seconds(response.next_check_in_seconds());
  answer.log_size = response.log_size();
  for (int i = 0; i < std::min(response.receipts_size(), kMostReceipts); ++i) {
    answer.receipts.push_back(FromProto(response.receipts(i)));
  }
  return answer;
}

absl::Status FleetLink::Report(const update::OutcomeReport& report) {
  LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<FleetClient> connection, client());
  v1::ReportRequest request;
  request.set_attempt(report.attempt);
  request.set_sequence(report.sequence);
  request.set_state(static_cast<v1::UpdateState>(report.state));
  request.set_reason(static_cast<v1::Reason>(report.reason));
  if (report.receipt.has_value()) ToProto(*report.receipt, *request.mutable_receipt());
  return connection->Report(request);
}

absl::StatusOr<update::LogAnswer> FleetLink::ShowLog(const update::LogQuestion& question) {
  LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<FleetClient> connection, client());
  v1::GetLogProofRequest request;
  for (const uint64_t size : question.old_sizes) request.add_old()->set_size(size);
  request.set_timestamp_version(question.timestamp_version);
  request.set_snapshot_version(question.snapshot_version);
  LINNET_ASSIGN_OR_RETURN(const v1::GetLogProofResponse response, connection->GetLogProof(request));
  update::LogAnswer answer;
  answer.head = {response.head().size(), response.head().root_sha256(), response.head().signature()};
  for (const v1::LogProof& proof : response.grown()) answer.grown.push_back(HashesOf(proof));
  answer.timestamp = {response.timestamp().index(), HashesOf(response.timestamp())};
  answer.snapshot = {response.snapshot().index(), HashesOf(response.snapshot())};
  return answer;
}

absl::StatusOr<std::string> FleetLink::Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) {
  LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<FleetClient> connection, client());
  v1::GetMetadataRequest request;
  request.set_version(version);
  if (role == "root") {
    request.set_role(v1::ROOT);
  } else if (role == "timestamp") {
    request.set_role(v1::TIMESTAMP);
  } else if (role == "snapshot") {
    request.set_role(v1::SNAPSHOT);
  } else if (role == "targets") {
    request.set_role(v1::TARGETS);
  } else {
    request.set_role(v1::DELEGATED);
    request.set_role_name_sha256(std::string(base::AsView(base::Sha256(role))));
  }
  LINNET_ASSIGN_OR_RETURN(v1::GetMetadataResponse response, connection->GetMetadata(request));
  if (response.metadata().size() > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(std::string(role), ": ", response.metadata().size(),
                                                     " bytes, at most ", max_bytes, " expected"));
  }
  return std::move(*response.mutable_metadata());
}

absl::Status FleetLink::Fetch(
    const std::vector<std::string>& sha256,
    const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) {
  LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<FleetClient> connection, client());
  return connection->GetChunks(sha256, on_chunk);
}

absl::StatusOr<std::vector<peers::PeerHint>> FleetLink::GetPeers(const std::string& file_sha256) {
  LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<FleetClient> connection, client());
  v1::GetPeersRequest request;
  request.set_file_sha256(file_sha256);
  request.set_peer_port(PeerPort(*connection));
  LINNET_ASSIGN_OR_RETURN(const v1::GetPeersResponse response, connection->GetPeers(request));
  std::vector<peers::PeerHint> hints;
  for (const v1::PeerEndpoint& peer : response.peers()) hints.push_back({peer.address(), peer.complete()});
  return hints;
}

absl::Status FleetLink::FetchSparing(const std::vector<std::string>& sha256, const OnChunk& on_chunk,
                                     const OnElsewhere& on_elsewhere) {
  LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<FleetClient> connection, client());
  return connection->GetChunks(sha256, on_chunk, on_elsewhere);
}

absl::Status FleetLink::FetchAll(const std::vector<std::string>& sha256, const OnChunk& on_chunk) {
  return Fetch(sha256, on_chunk);
}

}  // namespace linnet::fleet
