#include "storage/trust/site_change.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/lifetimes.h"
#include "storage/trust/online_keys.h"
#include "storage/trust/release_suite.h"
#include "storage/trust/role_change.h"
#include "storage/trust/signing.h"
#include "storage/trust/site_files.h"

namespace linnet::trust {
namespace {

constexpr std::string_view kFormat = "linnet-signing-1";
constexpr size_t kLeastKeyDigits = 4;

absl::Duration LifetimeOf(std::string_view role) { return role == kRoot ? kRootLifetime : kTargetsLifetime; }

// The next version, not signed yet.
Json Next(const ChangeParts& parts, const std::string& role, absl::Duration lifetime) {
  Json json = SignedPart(parts.base.roles().at(role).bytes);
  SetVersion(json, parts.base.version(role) + 1,
             parts.now + (lifetime > absl::ZeroDuration() ? lifetime : LifetimeOf(role)));
  return json;
}

absl::Status CheckRole(const OfflineSet& base, const std::string& role) {
  if (base.roles().contains(role)) return absl::OkStatus();
  std::vector<std::string> names;
  for (const auto& [name, entry] : base.roles()) names.push_back(name);
  return absl::NotFoundError(
      absl::StrCat("\"", role, "\" is no offline role of this site; it has ", absl::StrJoin(names, ", ")));
}

const RoleKeys& KeysOfRole(const OfflineSet& base, const std::string& role) {
  if (role == kRoot || role == kTargets) return base.root().roles.find(role)->second;
  const RoleKeys* keys = base.roles().at(std::string(kTargets)).targets.KeysOf(role);
  LINNET_CHECK(keys != nullptr);  // an OfflineSet holds only roles that are delegated to
  return *keys;
}

// Which of a role's keys a person means.
absl::StatusOr<std::string> ChooseKey(const std::string& role, const RoleKeys& keys, std::string_view said) {
  std::vector<std::string> matches, all;
  for (const std::string& id : keys.keyids) {
    const std::string place = PlaceOf(role, keys, id);
    all.push_back(absl::StrCat(place, " (", id.substr(0, 8), ")"));
    const bool by_id = said.size() >= kLeastKeyDigits && id.starts_with(said);
    if (said.empty() || by_id || place == said || place == absl::StrCat(role, "-", std::string(said))) {
      matches.push_back(id);
    }
  }
  if (matches.size() == 1) return matches.front();
  const std::string of = absl::StrCat(role, " has the keys ", absl::StrJoin(all, ", "));
  if (matches.empty()) {
    return absl::NotFoundError(absl::StrCat("\"", std::string(said), "\" is none of them: ", of));
  }
  return absl::InvalidArgumentError(absl::StrCat("which key leaves? ", of, "; say it with --key"));
}

}  // namespace

absl::StatusOr<Change> SignChange(const ChangeParts& parts, OfflineSet::Metadata metadata) {
  LINNET_ASSIGN_OR_RETURN(const std::vector<SignatureNeed> needs, NeedsOf(parts.base, metadata));
  Change change{.metadata = std::move(metadata)};
  const RoleKeys* now = nullptr;  // of the root, when `need.before` comes
  for (const SignatureNeed& need : needs) {
    std::string& bytes = change.metadata[need.role];
    LINNET_ASSIGN_OR_RETURN(Envelope envelope, Envelope::Parse(bytes));
    std::vector<std::string> signers = SignersOf(envelope, need.list, need.keys);
    std::vector<std::string> order = need.list.keyids;
    // A key that stays counts for both lists of a root.
    if (need.before && now != nullptr) {
      std::stable_partition(order.begin(), order.end(), [&](const std::string& id) {
        return std::find(now->keyids.begin(), now->keyids.end(), id) != now->keyids.end();
      });
    }
    if (!need.before) now = &need.list;
    for (const std::string& id : order) {
      if (signers.size() >= need.list.threshold) break;
      if (std::find(signers.begin(), signers.end(), id) != signers.end()) continue;
      const absl::StatusOr<base::PrivateKey> key = parts.keys.Find(PlaceOf(need.role, need.list, id), id);
      if (absl::IsNotFound(key.status())) continue;  // this share is kept elsewhere
      absl::StatusOr<std::string> with =
          key.ok() ? WithSignature(bytes, *key) : absl::StatusOr<std::string>(key.status());
      if (SiteKeys::CannotBeReached(with.status())) {
        change.unreachable.Update(with.status());
        continue;
      }
      LINNET_RETURN_IF_ERROR(with.status());
      bytes = *std::move(with);
      LINNET_ASSIGN_OR_RETURN(envelope, Envelope::Parse(bytes));
      signers = SignersOf(envelope, need.list, need.keys);
    }
    SignatureCount& count = change.signatures.emplace_back();
    count.role = need.role;
    count.before = need.before;
    count.have = signers.size();
    count.need = need.list.threshold;
    for (const std::string& id : need.list.keyids) {
      const bool signed_by = std::find(signers.begin(), signers.end(), id) != signers.end();
      (signed_by ? count.signed_by : count.not_signed_by).push_back(PlaceOf(need.role, need.list, id));
    }
  }
  change.says = Describe(parts.base, change.metadata);
  return change;
}

absl::StatusOr<Change> RenewRoles(const ChangeParts& parts, const std::vector<std::string>& roles,
                                  absl::Duration lifetime) {
  OfflineSet::Metadata metadata;
  for (const std::string& role : roles) {
    LINNET_RETURN_IF_ERROR(CheckRole(parts.base, role));
    metadata[role] = SignMetadata(Next(parts, role, lifetime), {});
  }
  return SignChange(parts, std::move(metadata));
}

absl::StatusOr<Change> RotateRoleKey(const ChangeParts& parts, const std::string& role, std::string_view said,
                                     const std::string& token_uri) {
  LINNET_RETURN_IF_ERROR(CheckRole(parts.base, role));
  const RoleKeys& keys = KeysOfRole(parts.base, role);
  LINNET_ASSIGN_OR_RETURN(const std::string leaves, ChooseKey(role, keys, said));
  const std::string delegator(role == kRoot || role == kTargets ? kRoot : kTargets);
  LINNET_RETURN_IF_ERROR(parts.keys.CheckPassphrase(delegator, KeysOfRole(parts.base, delegator)));
  const std::string place = PlaceOf(role, keys, leaves);
  Keys listed = parts.base.root().keys;
  listed.insert(parts.base.roles().at(std::string(kTargets)).targets.keys.begin(),
                parts.base.roles().at(std::string(kTargets)).targets.keys.end());
  LINNET_ASSIGN_OR_RETURN(const base::PrivateKey joins, token_uri.empty()
                                                            ? parts.keys.MakeNext(place)
                                                            : parts.keys.TakeNext(place, token_uri, listed));
  OfflineSet::Metadata metadata;
  Json json = Next(parts, delegator, absl::ZeroDuration());
  ReplaceKey(json, role, leaves, joins.public_key());
  metadata[delegator] = SignMetadata(json, {});
  if (role != kRoot) metadata[role] = SignMetadata(Next(parts, role, absl::ZeroDuration()), {});
  return SignChange(parts, std::move(metadata));
}

absl::StatusOr<Change> RotateCoordinatorKeys(const ChangeParts& parts,
                                             const std::vector<std::string>& roles) {
  const std::set<std::string> each(roles.begin(), roles.end());
  for (const std::string& role : each) {
    if (role == kSnapshot || role == kTimestamp) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", role, "\": only snapshot and timestamp get their new keys together"));
  }
  const std::string root(kRoot);
  LINNET_RETURN_IF_ERROR(parts.keys.CheckPassphrase(root, KeysOfRole(parts.base, root)));
  Json json = Next(parts, root, absl::ZeroDuration());
  std::vector<std::string> files;
  for (const std::string& role : each) {
    LINNET_ASSIGN_OR_RETURN(const std::string leaves,
                            ChooseKey(role, parts.base.root().roles.find(role)->second, ""));
    LINNET_ASSIGN_OR_RETURN(const base::PrivateKey joins, parts.keys.MakeOnline(role));
    ReplaceKey(json, role, leaves, joins.public_key());
    files.push_back(
        absl::StrCat(std::string(kSiteCoordinator), "/", OnlineKeyFile(role, KeyId(joins.public_key()))));
  }
  LINNET_ASSIGN_OR_RETURN(Change change, SignChange(parts, {{root, SignMetadata(json, {})}}));
  change.online_key_files = std::move(files);
  return change;
}

std::string_view ModelSuffix(std::string_view target) {
  for (const std::string_view suffix : {kPackedSuffix, kGgufSuffix}) {
    if (target.ends_with(suffix)) return suffix;
  }
  return "";
}

absl::StatusOr<Change> WithdrawModel(const ChangeParts& parts, std::string_view name) {
  std::vector<TargetInfo> matches;
  for (TargetInfo& target : parts.base.AllTargets()) {
    if (!target.role.starts_with(kModelsPrefix) || target.path.ends_with(kIndexSuffix) ||
        target.path.ends_with(kSuiteSuffix)) {
      continue;
    }
    const std::string wanted(name);
    if (target.path == wanted || target.path.ends_with(absl::StrCat("/", wanted)) ||
        target.path.ends_with(absl::StrCat("/", wanted, std::string(ModelSuffix(target.path))))) {
      matches.push_back(std::move(target));
    }
  }
  if (matches.empty()) {
    return absl::NotFoundError(absl::StrCat(std::string(name), ": no models key of this site signed it"));
  }
  if (matches.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(name), ": could be ", matches[0].path, " or ",
                                                   matches[1].path, "; give the whole path"));
  }
  const std::string& role = matches.front().role;
  Json json = Next(parts, role, absl::ZeroDuration());
  Withdraw(json, matches.front().path);
  return SignChange(parts, {{role, SignMetadata(json, {})}});
}

std::string ChangeToFile(const Change& change, const std::string& site) {
  Json::Object metadata;
  for (const auto& [role, bytes] : change.metadata) {
    const absl::StatusOr<Json> document = ParseJson(bytes);
    LINNET_CHECK(document.ok());  // it has been parsed before
    metadata.emplace(role, *document);
  }
  return Json(Json::Object{{"format", kFormat}, {"metadata", std::move(metadata)}, {"site", site}}).Dump() +
         "\n";
}

absl::StatusOr<OfflineSet::Metadata> ChangeFromFile(std::string_view file, const std::string& site) {
  const absl::StatusOr<Json> json = ParseJson(file);
  const Json* format = json.ok() ? json->Find("format") : nullptr;
  const Json* owner = json.ok() ? json->Find("site") : nullptr;
  const Json* metadata = json.ok() ? json->Find("metadata") : nullptr;
  if (format == nullptr || format->text() == nullptr || *format->text() != kFormat || owner == nullptr ||
      owner->text() == nullptr || metadata == nullptr || metadata->object() == nullptr ||
      metadata->object()->empty()) {
    return absl::DataLossError(
        absl::StrCat("is no change to sign (a file that --out of renew, rotate-key or withdraw wrote)",
                     json.ok() ? "" : absl::StrCat(": ", base::Message(json.status()))));
  }
  if (*owner->text() != site) {
    return absl::PermissionDeniedError(
        absl::StrCat("is a change of the site ", owner->text()->substr(0, 32), ", this one is ", site));
  }
  OfflineSet::Metadata out;
  for (const auto& [role, document] : *metadata->object()) {
    if (role == kTimestamp || role == kSnapshot) {
      return absl::DataLossError(absl::StrCat(role, ": people do not sign this role"));
    }
    out.emplace(role, document.Dump());
  }
  return out;
}

}  // namespace linnet::trust
