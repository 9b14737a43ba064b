#include "storage/trust/signing.h"

#include <utility>

#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::trust {
namespace {

// What this code writes; readers accept every 1.x.
constexpr std::string_view kSpecVersion = "1.0.34";

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

Json::Object CommonFields(std::string_view type, uint64_t version, absl::Time expires) {
  return {
      {"_type", type}, {"spec_version", kSpecVersion}, {"version", version}, {"expires", TimeText(expires)}};
}

Json RoleKeysJson(const RoleSigners& signers) {
  Json::Array keyids;
  for (const base::PublicKey& key : signers.keys) keyids.emplace_back(KeyId(key));
  return Json::Object{{"keyids", std::move(keyids)}, {"threshold", signers.threshold}};
}

// The member, made when it is not there.
Json& Member(Json& json, std::string_view name, Json otherwise) {
  LINNET_CHECK(json.object() != nullptr);
  return json.object()->try_emplace(std::string(name), std::move(otherwise)).first->second;
}

}  // namespace

Json KeyJson(const base::PublicKey& key) {
  std::string_view type;
  std::string_view scheme;
  std::string text;
  switch (key.type()) {
    case base::KeyType::kEd25519:
      type = scheme = "ed25519";
      text = base::Hex(key.Raw());
      break;
    case base::KeyType::kP256:
      type = "ecdsa";
      scheme = "ecdsa-sha2-nistp256";
      text = key.ToPem();
      break;
    case base::KeyType::kRsa:
      type = "rsa";
      scheme = "rsassa-pss-sha256";
      text = key.ToPem();
      break;
  }
  return Json::Object{
      {"keytype", type}, {"scheme", scheme}, {"keyval", Json::Object{{"public", std::move(text)}}}};
}

std::string KeyId(const base::PublicKey& key) { return base::Hex(base::Sha256(KeyJson(key).Canonical())); }

std::string SignMetadata(const Json& signed_part, std::span<const base::PrivateKey> keys) {
  const std::string canonical = signed_part.Canonical();
  Json::Array signatures;
  for (const base::PrivateKey& key : keys) {
    const absl::StatusOr<std::string> signature = key.Sign(canonical);
    LINNET_CHECK(signature.ok());  // in memory
    signatures.push_back(Json::Object{{"keyid", KeyId(key.public_key())}, {"sig", base::Hex(*signature)}});
  }
  return Json(Json::Object{{"signatures", std::move(signatures)}, {"signed", signed_part}}).Dump();
}

Json RootJson(uint64_t version, absl::Time expires, const std::map<std::string, RoleSigners>& roles,
              bool consistent_snapshot) {
  Json::Object keys;
  Json::Object role_list;
  for (const auto& [name, signers] : roles) {
    for (const base::PublicKey& key : signers.keys) keys.insert_or_assign(KeyId(key), KeyJson(key));
    role_list.emplace(name, RoleKeysJson(signers));
  }
  Json::Object root = CommonFields(kRoot, version, expires);
  root.emplace("consistent_snapshot", consistent_snapshot);
  root.emplace("keys", std::move(keys));
  root.emplace("roles", std::move(role_list));
  return root;
}

Json TimestampJson(uint64_t version, absl::Time expires, uint64_t snapshot_version,
                   std::string_view snapshot_bytes, std::optional<absl::Time> created) {
  Json::Object timestamp = CommonFields(kTimestamp, version, expires);
  if (created) timestamp.emplace(kCreatedField, TimeText(*created));
  timestamp.emplace(
      "meta", Json::Object{{"snapshot.json", MetaFileJson(MetaFileOf(snapshot_version, snapshot_bytes))}});
  return timestamp;
}

Json SnapshotJson(uint64_t version, absl::Time expires, const std::map<std::string, MetaFile>& meta) {
  Json::Object files;
  for (const auto& [name, file] : meta) files.emplace(name, MetaFileJson(file));
  Json::Object snapshot = CommonFields(kSnapshot, version, expires);
  snapshot.emplace("meta", std::move(files));
  return snapshot;
}

Json TargetsJson(uint64_t version, absl::Time expires) {
  Json::Object targets = CommonFields(kTargets, version, expires);
  targets.emplace("targets", Json::Object{});
  return targets;
}

MetaFile MetaFileOf(uint64_t version, std::string_view bytes) {
  return {.version = version, .length = bytes.size(), .hashes = {{"sha256", base::Hex(base::Sha256(bytes))}}};
}

Json MetaFileJson(const MetaFile& file) {
  Json::Object out{{"version", file.version}};
  if (file.length) out.emplace("length", *file.length);
  if (!file.hashes.empty()) {
    Json::Object hashes;
    for (const auto& [algorithm, hex] : file.hashes) hashes.emplace(algorithm, hex);
    out.emplace("hashes", std::move(hashes));
  }
  return out;
}

void SetVersion(Json& signed_part, uint64_t version, absl::Time expires) {
  Member(signed_part, "version", Json()) = Json(version);
  Member(signed_part, "expires", Json()) = Json(TimeText(expires));
}

void AddTarget(Json& signed_part, std::string_view path, uint64_t length, std::string_view sha256,
               Json custom) {
  Json::Object file{{"length", length}, {"hashes", Json::Object{{"sha256", base::Hex(sha256)}}}};
  if (custom.object() != nullptr && !custom.object()->empty()) file.emplace("custom", std::move(custom));
  Member(Member(signed_part, "targets", Json::Object{}), path, Json()) = Json(std::move(file));
}

void RemoveTarget(Json& signed_part, std::string_view path) {
  Json::Object* targets = Member(signed_part, "targets", Json::Object{}).object();
  if (const auto it = targets->find(path); it != targets->end()) targets->erase(it);
}

void AddDelegation(Json& signed_part, std::string_view role, const RoleSigners& signers,
                   const std::vector<std::string>& paths, bool terminating) {
  Json& delegations = Member(signed_part, "delegations", Json::Object{});
  Json& keys = Member(delegations, "keys", Json::Object{});
  for (const base::PublicKey& key : signers.keys) Member(keys, KeyId(key), Json()) = KeyJson(key);
  Json entry = RoleKeysJson(signers);
  entry.object()->emplace("name", role);
  entry.object()->emplace("terminating", terminating);
  entry.object()->emplace("paths", Json::Array(paths.begin(), paths.end()));
  Json& roles = Member(delegations, "roles", Json::Array{});
  Json::Array list = *roles.array();
  list.push_back(std::move(entry));
  roles = Json(std::move(list));
}

}  // namespace linnet::trust
