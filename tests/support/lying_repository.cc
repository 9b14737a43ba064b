#include "tests/support/lying_repository.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"

namespace linnet::testing {

using base::KeyType;
using base::PrivateKey;
using trust::Json;

LyingRepository::LyingRepository(absl::Time start) : now(start) {
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) Rotate(role);
  targets_json["targets"] = trust::TargetsJson(1, now);
  PublishRoot();
  PublishAll();
}

const PrivateKey& LyingRepository::Rotate(const std::string& role) {
  roles[role].signers.clear();
  roles[role].listed.keys.clear();
  return AddKey(role);
}

const PrivateKey& LyingRepository::AddKey(const std::string& role) {
  Role& entry = roles[role];
  entry.signers.push_back(PrivateKey::Generate(KeyType::kEd25519));
  entry.listed.keys.push_back(entry.signers.back().public_key());
  return entry.signers.back();
}

std::string LyingRepository::Sign(const std::string& role, const Json& json) const {
  return trust::SignMetadata(json, roles.at(role).signers);
}

void LyingRepository::PublishRoot() {
  Role& root = roles["root"];
  ++root.version;
  root.expires = now + lifetime;
  std::map<std::string, trust::RoleSigners> listed;
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) listed[role] = roles[role].listed;
  std::vector<PrivateKey> signers = root.signers;
  for (const PrivateKey& old : last_root_signers_) {
    const bool both = std::any_of(signers.begin(), signers.end(), [&](const PrivateKey& key) {
      return key.public_key().Raw() == old.public_key().Raw();
    });
    if (!both) signers.push_back(old);
  }
  File("root", root.version) =
      trust::SignMetadata(trust::RootJson(root.version, root.expires, listed, consistent_snapshot), signers);
  last_root_signers_ = root.signers;
}

void LyingRepository::PublishTargets(const std::string& name) {
  Role& role = roles[name];
  ++role.version;
  role.expires = now + lifetime;
  trust::SetVersion(targets_json[name], role.version, role.expires);
  const std::string bytes = Sign(name, targets_json[name]);
  File(name, consistent_snapshot ? role.version : 0) = bytes;
  trust::MetaFile& meta = snapshot_meta[name + ".json"];
  meta = list_hashes ? trust::MetaFileOf(role.version, bytes) : trust::MetaFile{.version = role.version};
}

void LyingRepository::PublishSnapshot() {
  Role& role = roles["snapshot"];
  ++role.version;
  role.expires = now + lifetime;
  File("snapshot", consistent_snapshot ? role.version : 0) =
      Sign("snapshot", trust::SnapshotJson(role.version, role.expires, snapshot_meta));
}

void LyingRepository::PublishTimestamp() {
  Role& role = roles["timestamp"];
  ++role.version;
  role.expires = now + lifetime;
  const uint64_t version = roles["snapshot"].version;
  Json json = trust::TimestampJson(role.version, role.expires, version,
                                   File("snapshot", consistent_snapshot ? version : 0));
  if (!list_hashes) {
    json.object()->insert_or_assign(
        "meta", Json::Object{{"snapshot.json", trust::MetaFileJson({.version = version})}});
  }
  File("timestamp", 0) = Sign("timestamp", json);
}

void LyingRepository::PublishAll() {
  PublishTargets();
  PublishSnapshot();
  PublishTimestamp();
}

void LyingRepository::Delegate(const std::string& from, const std::string& to,
                               const std::vector<std::string>& paths, bool terminating) {
  if (!roles.contains(to)) {
    Rotate(to);
    targets_json[to] = trust::TargetsJson(1, now);
  }
  trust::AddDelegation(targets_json[from], to, roles[to].listed, paths, terminating);
}

void LyingRepository::AddTarget(const std::string& role, const std::string& path, std::string_view content) {
  trust::AddTarget(targets_json[role], path, content.size(), base::AsView(base::Sha256(content)), Json());
}

absl::StatusOr<std::string> LyingRepository::Fetch(std::string_view role, uint64_t version,
                                                   uint64_t max_bytes) {
  const std::string name(role);
  requests.push_back(version == 0 ? name : absl::StrCat(version, ".", name));
  if (const auto failure = failures.find(name); failure != failures.end()) return failure->second;
  const auto it = files.find({name, version});
  if (it == files.end()) return absl::NotFoundError(absl::StrCat(name, ": there is no version ", version));
  if (it->second.size() > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(name, ": has ", it->second.size(), " bytes, at most ", max_bytes, " expected"));
  }
  return it->second;
}

}  // namespace linnet::testing
