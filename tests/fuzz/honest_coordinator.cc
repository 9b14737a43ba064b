#include "tests/fuzz/honest_coordinator.h"

#include <array>
#include <functional>
#include <utility>

#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/signing.h"

namespace linnet::testing {
namespace {

namespace v1 = fleet::v1;
using grpc::StatusCode;

constexpr size_t kMostKnown = 1000;
// Shorter is no certificate and no root: what an input leaves out is put in.
constexpr size_t kLeastBytes = 8;

InProcessServer::Options OptionsFor(const CoordinatorWorld& world) {
  return {.descriptor = *v1::EnrollRequest::descriptor()->file()->service(0),
          .callers = {{world.canary_pem(), ""}},
          .max_request_bytes = 16 << 10,
          .documented = {StatusCode::INVALID_ARGUMENT, StatusCode::NOT_FOUND, StatusCode::ALREADY_EXISTS,
                         StatusCode::PERMISSION_DENIED, StatusCode::UNAUTHENTICATED,
                         StatusCode::FAILED_PRECONDITION},
          .endless = {"Watch"}};
}

template <typename Message>
bool Change(std::string& bytes, const std::function<void(Message&)>& change) {
  Message message;
  if (!message.ParseFromString(bytes)) return false;
  change(message);
  bytes = message.SerializeAsString();
  return true;
}

}  // namespace

HonestCoordinator::HonestCoordinator()
    : server_(world_.fleet_service(), OptionsFor(world_)),
      authority_(world_.site_files().device_ca, world_.site_files().device_ca_key,
                 world_.site_files().fleet_root),
      online_(world_.online_keys()),
      token_{.coordinator_address = "nowhere:1",
             .spki_sha256 = world_.site_files().server_spki_sha256,
             .id = std::string(8, 't'),
             .secret = std::string(32, 's')},
      published_{world_.tuf_root()} {}

ServerAnswer HonestCoordinator::Ask(const std::string& method, const std::string& request) {
  const auto* found = v1::EnrollRequest::descriptor()->file()->service(0)->FindMethodByName(method);
  if (found == nullptr) return {.status = {StatusCode::UNIMPLEMENTED, "no such method"}};
  const FuzzedCall call{
      .method = static_cast<uint8_t>(found->index()), .caller = 0, .flags = 0, .messages = {request}};
  const CallOutcome outcome = server_.Call(call);
  return {.messages = outcome.answers, .repeats = 1, .status = outcome.status};
}

ServerAnswer HonestCoordinator::Answer(const std::string& method, const std::string& request) {
  if (method == "Enroll" || method == "Renew") return {.messages = {Proved(method, request, "")}};
  if (method == "Report") return {.messages = {""}};
  if (method == "GetPeers") {
    v1::GetPeersResponse peers;
    if (!peer_.empty()) {
      peers.add_peers()->set_address(peer_);
      peers.mutable_peers(0)->set_complete(true);
    }
    return {.messages = {peers.SerializeAsString()}};
  }
  if (method == "ExchangeHeads") {
    peer::v1::ExchangeHeadsResponse heads;
    LINNET_CHECK(heads.mutable_head()->ParseFromString(Head().SerializeAsString()));
    return {.messages = {heads.SerializeAsString()}};
  }
  // A check-in says how much flash is free and such; the rest is asked by what matters.
  const std::pair<std::string, std::string> key(method, method == "CheckIn" ? "" : request);
  if (const auto it = known_.find(key); it != known_.end()) return it->second;
  if (known_.size() >= kMostKnown) known_.clear();
  const ServerAnswer answer = Ask(method, request);
  v1::GetMetadataResponse metadata;
  if (method == "GetMetadata" && answer.status.ok() && metadata.ParseFromString(answer.messages.at(0))) {
    published_.insert(metadata.metadata());
  }
  return known_[key] = answer;
}

v1::LogHead HonestCoordinator::Head() {
  v1::GetLogProofRequest request;
  request.set_protocol(1);
  request.set_timestamp_version(world_.published().timestamp);
  request.set_snapshot_version(world_.published().snapshot);
  v1::GetLogProofResponse response;
  const ServerAnswer answer = Answer("GetLogProof", request.SerializeAsString());
  LINNET_CHECK(answer.messages.size() == 1 && response.ParseFromString(answer.messages[0]));
  return response.head();
}

void HonestCoordinator::Sign(v1::LogHead& head) const {
  std::string message = "linnet-log-head-1";
  for (int shift = 56; shift >= 0; shift -= 8) message += static_cast<char>(head.size() >> shift & 255);
  message += head.root_sha256();
  head.set_signature(*online_.timestamp.Sign(message));
}

void HonestCoordinator::Certify(std::string_view device_id, std::string_view public_key,
                                v1::EnrollResponse& answer) const {
  if (answer.certificate_chain_size() > 0 && answer.certificate_chain(0).size() >= kLeastBytes) return;
  const auto issued = authority_.Issue(device_id, public_key, world_.now());
  if (!issued.ok()) return;
  answer.clear_certificate_chain();
  for (const std::string& der : issued->chain) answer.add_certificate_chain(der);
}

std::string HonestCoordinator::Proved(const std::string& method, const std::string& request,
                                      const std::string& message) {
  std::string bytes = message;
  if (method == "Enroll") {
    v1::EnrollRequest asked;
    if (!asked.ParseFromString(request)) return bytes;
    Change<v1::EnrollResponse>(bytes, [&](v1::EnrollResponse& answer) {
      Certify(asked.device_id(), asked.public_key(), answer);
      if (answer.fleet_root().size() < kLeastBytes) answer.set_fleet_root(authority_.fleet_root().der());
      if (answer.tuf_root().size() < kLeastBytes) answer.set_tuf_root(world_.tuf_root());
      answer.set_mac(
          net::EnrollReplyMac(token_.secret, asked.nonce(),
                              {answer.certificate_chain().begin(), answer.certificate_chain().end()},
                              answer.fleet_root(), answer.tuf_root()));
    });
  } else if (method == "Renew") {
    v1::RenewRequest asked;
    if (!asked.ParseFromString(request)) return bytes;
    Change<v1::EnrollResponse>(bytes, [&](v1::EnrollResponse& answer) {
      Certify(asked.device_id(), asked.new_public_key(), answer);
    });
  } else if (method == "GetLogProof") {
    Change<v1::GetLogProofResponse>(bytes,
                                    [&](v1::GetLogProofResponse& answer) { Sign(*answer.mutable_head()); });
  } else if (method == "ExchangeHeads") {
    Change<peer::v1::ExchangeHeadsResponse>(bytes, [&](peer::v1::ExchangeHeadsResponse& answer) {
      v1::LogHead head;
      head.set_size(answer.head().size());
      head.set_root_sha256(answer.head().root_sha256());
      Sign(head);
      answer.mutable_head()->set_signature(head.signature());
    });
  } else if (method == "GetPeers") {
    Change<v1::GetPeersResponse>(bytes, [&](v1::GetPeersResponse& answer) {
      for (v1::PeerEndpoint& peer : *answer.mutable_peers()) peer.set_address(peer_);
    });
  } else if (method == "GetChunks") {
    Change<v1::GetChunksResponse>(bytes, [&](v1::GetChunksResponse& answer) {
      for (std::string& peer : *answer.mutable_peers()) peer = peer_;
    });
  }
  return bytes;
}

std::string HonestCoordinator::SignedOnline(const std::string& signed_part) const {
  const auto json = trust::ParseJson(signed_part);
  if (!json.ok()) return signed_part;
  const std::array<base::PrivateKey, 2> keys = {online_.timestamp, online_.snapshot};
  return trust::SignMetadata(*json, keys);
}

}  // namespace linnet::testing
