#include "storage/trust/role_change.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/release_suite.h"
#include "storage/trust/signing.h"

namespace linnet::trust {
namespace {

constexpr size_t kMostLines = 200;
constexpr std::string_view kWithdrawn = "withdrawn";

std::string Short(std::string_view keyid) { return std::string(keyid.substr(0, 8)); }

// Everything of a change that is needed to say who must sign it.
struct Parsed {
  std::optional<Root> root;
  std::map<std::string, Targets> targets;  // also "targets"
};

absl::Status Damaged(const std::string& role, const absl::Status& status) {
  return absl::DataLossError(absl::StrCat(role, ": ", std::string(status.message())));
}

absl::StatusOr<Parsed> Parse(const OfflineSet& base, const OfflineSet::Metadata& change) {
  Parsed out;
  for (const auto& [role, bytes] : change) {
    if (bytes.size() > MaxBytesOf(role)) {
      return absl::FailedPreconditionError(
          absl::StrCat(role, ": has ", bytes.size(), " bytes, devices take at most ", MaxBytesOf(role)));
    }
    absl::StatusOr<Envelope> envelope = Envelope::Parse(bytes);
    if (!envelope.ok()) return Damaged(role, envelope.status());
    uint64_t version = 0;
    if (role == kRoot) {
      absl::StatusOr<Root> root = ParseRoot(*envelope);
      if (!root.ok()) return Damaged(role, root.status());
      version = root->version;
      out.root = *std::move(root);
    } else {
      absl::StatusOr<Targets> targets = ParseTargets(*envelope);
      if (!targets.ok()) return Damaged(role, targets.status());
      version = targets->version;
      out.targets.emplace(role, *std::move(targets));
    }
    const auto known = base.roles().find(role);
    const bool same = known != base.roles().end() && known->second.bytes == bytes;
    if (!same && version != base.version(role) + 1) {
      return absl::FailedPreconditionError(absl::StrCat(role, ": is version ", version,
                                                        ", this site has version ", base.version(role),
                                                        "; make the change again from what is signed now"));
    }
  }
  return out;
}

void DescribeKeys(std::string_view role, const RoleKeys* before, const RoleKeys& now,
                  std::vector<std::string>& lines) {
  if (before == nullptr) {
    lines.push_back(absl::StrCat("  ", std::string(role), ": new role, ", now.threshold, " of ",
                                 now.keyids.size(), " keys"));
    return;
  }
  const auto has = [](const RoleKeys& list, const std::string& id) {
    return std::find(list.keyids.begin(), list.keyids.end(), id) != list.keyids.end();
  };
  for (const std::string& id : before->keyids) {
    if (!has(now, id)) lines.push_back(absl::StrCat("  ", std::string(role), ": key ", Short(id), " leaves"));
  }
  for (const std::string& id : now.keyids) {
    if (!has(*before, id))
      lines.push_back(absl::StrCat("  ", std::string(role), ": key ", Short(id), " joins"));
  }
  if (before->threshold != now.threshold) {
    lines.push_back(
        absl::StrCat("  ", std::string(role), ": threshold ", before->threshold, " -> ", now.threshold));
  }
}

void DescribeRoot(const Root& before, const Root& now, std::vector<std::string>& lines) {
  for (const auto& [role, keys] : now.roles) {
    const auto it = before.roles.find(role);
    DescribeKeys(role, it == before.roles.end() ? nullptr : &it->second, keys, lines);
  }
}

void DescribeTargets(const Targets& before, const Targets& now, std::vector<std::string>& lines) {
  for (const Delegation& delegation : now.delegations) {
    DescribeKeys(delegation.name, before.KeysOf(delegation.name), delegation.keys, lines);
  }
  for (const Delegation& delegation : before.delegations) {
    if (now.KeysOf(delegation.name) == nullptr) {
      lines.push_back(absl::StrCat("  ", delegation.name, ": no longer delegated to"));
    }
  }
  for (const auto& [path, file] : before.targets) {
    if (!now.targets.contains(path)) lines.push_back(absl::StrCat("  - ", path));
  }
  for (const auto& [path, file] : now.targets) {
    const auto it = before.targets.find(path);
    if (it == before.targets.end()) {
      lines.push_back(absl::StrCat("  + ", path));
    } else if (it->second.hashes != file.hashes || it->second.length != file.length ||
               it->second.custom_json != file.custom_json) {
      lines.push_back(absl::StrCat("  ! ", path, " stands for other bytes"));
    }
  }
}

Json* Find(Json& json, std::string_view name) {
  Json::Object* object = json.object();
  LINNET_CHECK(object != nullptr);
  const auto it = object->find(name);
  return it == object->end() ? nullptr : &it->second;
}

// Of a root, or of delegations: every keyid list in it.
std::vector<std::pair<std::string, Json*>> IdLists(Json& holder) {
  std::vector<std::pair<std::string, Json*>> out;
  Json* roles = Find(holder, "roles");
  LINNET_CHECK(roles != nullptr);
  if (roles->object() != nullptr) {
    for (auto& [name, entry] : *roles->object()) out.emplace_back(name, Find(entry, "keyids"));
  }
  return out;
}

}  // namespace

Json SignedPart(std::string_view bytes) {
  absl::StatusOr<Envelope> envelope = Envelope::Parse(bytes);
  LINNET_CHECK(envelope.ok());
  return std::move(envelope->signed_part);
}

absl::StatusOr<std::vector<SignatureNeed>> NeedsOf(const OfflineSet& base,
                                                   const OfflineSet::Metadata& change) {
  LINNET_ASSIGN_OR_RETURN(const Parsed parsed, Parse(base, change));
  const Root& root = parsed.root ? *parsed.root : base.root();
  std::vector<SignatureNeed> needs;
  if (parsed.root) {
    const RoleKeys& now = root.roles.find(kRoot)->second;
    const RoleKeys& before = base.root().roles.find(kRoot)->second;
    needs.push_back({.role = std::string(kRoot), .list = now, .keys = root.keys});
    if (now.keyids != before.keyids || now.threshold != before.threshold) {
      needs.push_back({.role = std::string(kRoot), .before = true, .list = before, .keys = base.root().keys});
    }
  }
  const auto changed = parsed.targets.find(std::string(kTargets));
  if (changed != parsed.targets.end()) {
    needs.push_back(
        {.role = std::string(kTargets), .list = root.roles.find(kTargets)->second, .keys = root.keys});
  }
  const Targets& top =
      changed != parsed.targets.end() ? changed->second : base.roles().at(std::string(kTargets)).targets;
  for (const auto& [role, targets] : parsed.targets) {
    if (role == kTargets) continue;
    const RoleKeys* list = top.KeysOf(role);
    if (list == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(role, ": targets does not delegate to this role"));
    }
    needs.push_back({.role = role, .list = *list, .keys = top.keys});
  }
  return needs;
}

std::vector<std::string> Describe(const OfflineSet& base, const OfflineSet::Metadata& change) {
  std::vector<std::string> lines;
  const absl::StatusOr<Parsed> parsed = Parse(base, change);
  LINNET_CHECK(parsed.ok());
  const auto headline = [&](const std::string& role, const Common& common) {
    if (base.version(role) == common.version) return;  // in force already
    lines.push_back(absl::StrCat(role, ": version ", base.version(role), " -> ", common.version, ", until ",
                                 absl::FormatTime("%Y-%m-%d", common.expires, absl::UTCTimeZone())));
  };
  if (parsed->root) {
    headline(std::string(kRoot), *parsed->root);
    DescribeRoot(base.root(), *parsed->root, lines);
  }
  for (const auto& [role, targets] : parsed->targets) {
    headline(role, targets);
    const auto known = base.roles().find(role);
    DescribeTargets(known == base.roles().end() ? Targets() : known->second.targets, targets, lines);
  }
  if (lines.size() > kMostLines) {
    const size_t left_out = lines.size() - kMostLines;
    lines.resize(kMostLines);
    lines.push_back(absl::StrCat("  and ", left_out, " lines more"));
  }
  return lines;
}

absl::StatusOr<std::string> WithSignature(std::string_view bytes, const base::PrivateKey& key) {
  LINNET_ASSIGN_OR_RETURN(Json document, ParseJson(bytes));
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(bytes));
  const std::string id = KeyId(key.public_key());
  Json::Array signatures;
  for (const Json& signature : *document.Find("signatures")->array()) {
    const Json* keyid = signature.Find("keyid");
    if (keyid == nullptr || keyid->text() == nullptr || *keyid->text() != id) signatures.push_back(signature);
  }
  LINNET_ASSIGN_OR_RETURN(const std::string made, key.Sign(envelope.canonical));
  signatures.push_back(Json::Object{{"keyid", id}, {"sig", base::Hex(made)}});
  document.object()->insert_or_assign("signatures", Json(std::move(signatures)));
  return document.Dump();
}

void ReplaceKey(Json& signed_part, std::string_view role, std::string_view keyid,
                const base::PublicKey& with) {
  const auto replaced = [&](const Json& ids) {
    Json::Array out = *ids.array();
    for (Json& id : out) {
      if (*id.text() == keyid) id = Json(KeyId(with));
    }
    return Json(std::move(out));
  };
  std::set<std::string> listed;
  const auto note = [&](const Json& ids) {
    for (const Json& id : *ids.array()) listed.insert(*id.text());
  };
  Json* holder = Find(signed_part, "delegations");
  const bool is_root = holder == nullptr;
  if (is_root) {
    holder = &signed_part;
    for (auto& [name, ids] : IdLists(*holder)) {
      if (name == role) *ids = replaced(*ids);
      note(*ids);
    }
  } else {
    Json* roles = Find(*holder, "roles");
    Json::Array entries = *roles->array();
    for (Json& entry : entries) {
      Json* ids = Find(entry, "keyids");
      if (*entry.Find("name")->text() == role) *ids = replaced(*ids);
      note(*ids);
    }
    *roles = Json(std::move(entries));
  }
  Json::Object& keys = *Find(*holder, "keys")->object();
  keys.insert_or_assign(KeyId(with), KeyJson(with));
  std::erase_if(keys, [&](const auto& entry) { return !listed.contains(entry.first); });
}

void Withdraw(Json& signed_part, std::string_view path) {
  const Json* targets = signed_part.Find("targets");
  const Json* file = targets == nullptr ? nullptr : targets->Find(path);
  LINNET_CHECK(file != nullptr);
  Json::Object entry;
  if (const Json* hashes = file->Find("hashes")) {
    if (const Json* sha256 = hashes->Find("sha256")) entry.emplace("sha256", *sha256);
  }
  if (const Json* custom = file->Find("custom")) {
    if (const Json* counter = custom->Find("release_counter")) entry.emplace("release_counter", *counter);
  }
  RemoveTarget(signed_part, path);
  for (const std::string_view suffix : {kIndexSuffix, kSuiteSuffix}) {
    RemoveTarget(signed_part, absl::StrCat(std::string(path), std::string(suffix)));
  }
  Json& withdrawn =
      signed_part.object()->try_emplace(std::string(kWithdrawn), Json(Json::Object{})).first->second;
  if (withdrawn.object() != nullptr) {
    withdrawn.object()->insert_or_assign(std::string(path), Json(std::move(entry)));
  }
}

Withdrawn WithdrawnAs(const Json& signed_part, std::string_view path) {
  Withdrawn out;
  const Json* all = signed_part.Find(kWithdrawn);
  const Json* entry = all == nullptr ? nullptr : all->Find(path);
  if (entry == nullptr) return out;
  if (const Json* hash = entry->Find("sha256"); hash != nullptr && hash->text() != nullptr) {
    out.sha256_hex = *hash->text();
  }
  if (const Json* counter = entry->Find("release_counter");
      counter != nullptr && counter->integer() != nullptr && *counter->integer() > 0) {
    out.release_counter = static_cast<uint64_t>(*counter->integer());
  }
  return out;
}

uint64_t LargestWithdrawnCounter(const Json& signed_part) {
  uint64_t largest = 0;
  const Json* all = signed_part.Find(kWithdrawn);
  if (all == nullptr || all->object() == nullptr) return 0;
  for (const auto& [path, entry] : *all->object()) {
    largest = std::max(largest, WithdrawnAs(signed_part, path).release_counter);
  }
  return largest;
}

}  // namespace linnet::trust
