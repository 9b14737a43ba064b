#include "storage/trust/metadata.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::trust {
namespace {

absl::Status Bad(std::string_view where, std::string_view what) {
  return absl::DataLossError(absl::StrCat(std::string(where), ": ", std::string(what)));
}

absl::StatusOr<const Json*> Member(const Json& json, std::string_view name, std::string_view where) {
  if (json.object() == nullptr) return Bad(where, "an object is expected");
  const Json* member = json.Find(name);
  if (member == nullptr) return Bad(where, absl::StrCat("field \"", std::string(name), "\" is missing"));
  return member;
}

absl::StatusOr<const std::string*> Text(const Json& json, std::string_view name, std::string_view where) {
  LINNET_ASSIGN_OR_RETURN(const Json* member, Member(json, name, where));
  if (member->text() == nullptr)
    return Bad(where, absl::StrCat("field \"", std::string(name), "\" is no text"));
  return member->text();
}

absl::StatusOr<uint64_t> Integer(const Json& json, std::string_view name, int64_t least,
                                 std::string_view where) {
  LINNET_ASSIGN_OR_RETURN(const Json* member, Member(json, name, where));
  if (member->integer() == nullptr || *member->integer() < least) {
    return Bad(where, absl::StrCat("field \"", std::string(name), "\" is no integer of at least ", least));
  }
  return static_cast<uint64_t>(*member->integer());
}

absl::StatusOr<bool> Boolean(const Json& json, std::string_view name, std::string_view where) {
  LINNET_ASSIGN_OR_RETURN(const Json* member, Member(json, name, where));
  if (member->boolean() == nullptr)
    return Bad(where, absl::StrCat("field \"", std::string(name), "\" is no boolean"));
  return *member->boolean();
}

absl::StatusOr<const Json::Object*> Object(const Json& json, std::string_view name, std::string_view where) {
  LINNET_ASSIGN_OR_RETURN(const Json* member, Member(json, name, where));
  if (member->object() == nullptr)
    return Bad(where, absl::StrCat("field \"", std::string(name), "\" is no object"));
  return member->object();
}

absl::StatusOr<std::vector<std::string>> Texts(const Json& json, std::string_view name,
                                               std::string_view where) {
  LINNET_ASSIGN_OR_RETURN(const Json* member, Member(json, name, where));
  if (member->array() == nullptr)
    return Bad(where, absl::StrCat("field \"", std::string(name), "\" is no list"));
  std::vector<std::string> out;
  for (const Json& element : *member->array()) {
    if (element.text() == nullptr) {
      return Bad(where, absl::StrCat("field \"", std::string(name), "\" holds something that is no text"));
    }
    out.push_back(*element.text());
  }
  return out;
}

bool AllDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "1.x" or "1.x.y": minor versions add what old clients may ignore (§2 of the specification).
bool IsSupportedSpec(std::string_view version) {
  std::vector<std::string_view> parts;
  for (size_t start = 0; start <= version.size();) {
    const size_t end = std::min(version.find('.', start), version.size());
    parts.push_back(version.substr(start, end - start));
    start = end + 1;
  }
  return (parts.size() == 2 || parts.size() == 3) && std::all_of(parts.begin(), parts.end(), AllDigits) &&
         parts[0] == "1";
}

// "2026-11-20T14:21:51Z", nothing else.
std::optional<absl::Time> ParseTime(std::string_view text) {
  static constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kShape.size()) return std::nullopt;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return std::nullopt;
  }
  const auto number = [&](size_t at, size_t size) { return std::stoi(std::string(text.substr(at, size))); };
  const absl::CivilSecond second(number(0, 4), number(5, 2), number(8, 2), number(11, 2), number(14, 2),
                                 number(17, 2));
  // CivilSecond carries over (Feb 30 becomes Mar 1); such a date is no date.
  if (second.month() != number(5, 2) || second.day() != number(8, 2) || second.hour() != number(11, 2) ||
      second.minute() != number(14, 2) || second.second() != number(17, 2)) {
    return std::nullopt;
  }
  return absl::FromCivil(second, absl::UTCTimeZone());
}

absl::Status ParseCommon(const Envelope& envelope, std::string_view type, Common& out) {
  const Json& json = envelope.signed_part;
  LINNET_ASSIGN_OR_RETURN(const std::string* actual, Text(json, "_type", type));
  if (*actual != type) return Bad(type, absl::StrCat("it is of type \"", *actual, "\""));
  LINNET_ASSIGN_OR_RETURN(const std::string* spec, Text(json, "spec_version", type));
  if (!IsSupportedSpec(*spec)) return Bad(type, absl::StrCat("spec_version \"", *spec, "\", expected 1.x"));
  LINNET_ASSIGN_OR_RETURN(out.version, Integer(json, "version", 1, type));
  LINNET_ASSIGN_OR_RETURN(const std::string* expires, Text(json, "expires", type));
  const std::optional<absl::Time> time = ParseTime(*expires);
  if (!time) return Bad(type, absl::StrCat("expires \"", *expires, "\", expected YYYY-MM-DDTHH:MM:SSZ"));
  out.expires = *time;
  return absl::OkStatus();
}

absl::StatusOr<base::PublicKey> PublicKeyOf(const std::string& type, const std::string& scheme,
                                            const std::string& text) {
  if (type == "ed25519" && scheme == "ed25519") {
    const std::optional<std::string> raw = base::UnHex(text);
    if (!raw) return absl::InvalidArgumentError("no hex");
    return base::PublicKey::FromEd25519(*raw);
  }
  const bool ecdsa = (type == "ecdsa" || type == "ecdsa-sha2-nistp256") && scheme == "ecdsa-sha2-nistp256";
  const bool rsa = type == "rsa" && scheme == "rsassa-pss-sha256";
  if (!ecdsa && !rsa) return absl::InvalidArgumentError("unknown type or scheme");
  if (ecdsa && text.size() == 130) {
    if (const std::optional<std::string> point = base::UnHex(text))
      return base::PublicKey::FromP256Point(*point);
  }
  LINNET_ASSIGN_OR_RETURN(base::PublicKey key, base::PublicKey::FromPem(text));
  if (key.type() != (ecdsa ? base::KeyType::kP256 : base::KeyType::kRsa)) {
    return absl::InvalidArgumentError("the PEM is of another type");
  }
  return key;
}

absl::StatusOr<Keys> ParseKeys(const Json& json, std::string_view where) {
  LINNET_ASSIGN_OR_RETURN(const Json::Object* members, Object(json, "keys", where));
  Keys keys;
  for (const auto& [keyid, value] : *members) {
    const std::string place = absl::StrCat(std::string(where), ", key ", keyid.substr(0, 80));
    LINNET_ASSIGN_OR_RETURN(const std::string* type, Text(value, "keytype", place));
    LINNET_ASSIGN_OR_RETURN(const std::string* scheme, Text(value, "scheme", place));
    LINNET_ASSIGN_OR_RETURN(const Json* keyval, Member(value, "keyval", place));
    Key key;
    const Json* text = keyval->Find("public");
    if (text != nullptr && text->text() != nullptr) {
      if (absl::StatusOr<base::PublicKey> usable = PublicKeyOf(*type, *scheme, *text->text()); usable.ok()) {
        key.identity = usable->SpkiDer();
        // One key, one identity: a compressed and an uncompressed point are the same key.
        if (usable->type() == base::KeyType::kP256) key.identity = usable->Raw();
        key.key = *std::move(usable);
      }
    }
    keys.emplace(keyid, std::move(key));
  }
  return keys;
}

absl::StatusOr<RoleKeys> ParseRoleKeys(const Json& json, std::string_view where) {
  RoleKeys role;
  LINNET_ASSIGN_OR_RETURN(role.keyids, Texts(json, "keyids", where));
  if (std::set<std::string>(role.keyids.begin(), role.keyids.end()).size() != role.keyids.size()) {
    return Bad(where, "a keyid is listed twice");
  }
  LINNET_ASSIGN_OR_RETURN(role.threshold, Integer(json, "threshold", 1, where));
  return role;
}

absl::StatusOr<Hashes> ParseHashes(const Json& json, std::string_view where) {
  LINNET_ASSIGN_OR_RETURN(const Json::Object* members, Object(json, "hashes", where));
  if (members->empty()) return Bad(where, "\"hashes\" is empty");
  Hashes hashes;
  for (const auto& [algorithm, value] : *members) {
    if (value.text() == nullptr) return Bad(where, "a hash is no text");
    hashes.emplace(algorithm, *value.text());
  }
  return hashes;
}

absl::StatusOr<MetaFile> ParseMetaFile(const Json& json, std::string_view where) {
  MetaFile file;
  LINNET_ASSIGN_OR_RETURN(file.version, Integer(json, "version", 1, where));
  if (json.Find("length") != nullptr) {
    LINNET_ASSIGN_OR_RETURN(file.length, Integer(json, "length", 0, where));
  }
  if (json.Find("hashes") != nullptr) {
    LINNET_ASSIGN_OR_RETURN(file.hashes, ParseHashes(json, where));
  }
  return file;
}

bool IsTopLevel(std::string_view role) {
  return role == kRoot || role == kTimestamp || role == kSnapshot || role == kTargets;
}

absl::StatusOr<Delegation> ParseDelegation(const Json& json) {
  static constexpr std::string_view kWhere = "targets, delegation";
  Delegation out;
  LINNET_ASSIGN_OR_RETURN(const std::string* name, Text(json, "name", kWhere));
  if (name->empty() || IsTopLevel(*name))
    return Bad(kWhere, absl::StrCat("\"", *name, "\" is no name for a role"));
  out.name = *name;
  const std::string where = absl::StrCat(std::string(kWhere), " \"", out.name, "\"");
  LINNET_ASSIGN_OR_RETURN(out.keys, ParseRoleKeys(json, where));
  LINNET_ASSIGN_OR_RETURN(out.terminating, Boolean(json, "terminating", where));
  const bool by_path = json.Find("paths") != nullptr;
  const bool by_hash = json.Find("path_hash_prefixes") != nullptr;
  if (by_path == by_hash) return Bad(where, "one of \"paths\" and \"path_hash_prefixes\" is expected");
  if (by_path) {
    LINNET_ASSIGN_OR_RETURN(out.paths, Texts(json, "paths", where));
  } else {
    LINNET_ASSIGN_OR_RETURN(out.hash_prefixes, Texts(json, "path_hash_prefixes", where));
  }
  return out;
}

absl::StatusOr<SuccinctRoles> ParseSuccinct(const Json& json) {
  static constexpr std::string_view kWhere = "targets, succinct_roles";
  SuccinctRoles out;
  LINNET_ASSIGN_OR_RETURN(out.keys, ParseRoleKeys(json, kWhere));
  LINNET_ASSIGN_OR_RETURN(const uint64_t bits, Integer(json, "bit_length", 1, kWhere));
  if (bits > 32) return Bad(kWhere, "\"bit_length\" is above 32");
  out.bit_length = static_cast<uint32_t>(bits);
  LINNET_ASSIGN_OR_RETURN(const std::string* prefix, Text(json, "name_prefix", kWhere));
  out.name_prefix = *prefix;
  return out;
}

absl::Status ParseDelegations(const Json& json, Targets& out) {
  LINNET_ASSIGN_OR_RETURN(out.keys, ParseKeys(json, "targets, delegations"));
  const Json* roles = json.Find("roles");
  const Json* succinct = json.Find("succinct_roles");
  if ((roles == nullptr) == (succinct == nullptr)) {
    return Bad("targets, delegations", "one of \"roles\" and \"succinct_roles\" is expected");
  }
  if (succinct != nullptr) {
    LINNET_ASSIGN_OR_RETURN(out.succinct, ParseSuccinct(*succinct));
    return absl::OkStatus();
  }
  if (roles->array() == nullptr) return Bad("targets, delegations", "\"roles\" is no list");
  std::set<std::string> names;
  for (const Json& role : *roles->array()) {
    LINNET_ASSIGN_OR_RETURN(Delegation delegation, ParseDelegation(role));
    if (!names.insert(delegation.name).second) {
      return Bad("targets, delegations", absl::StrCat("role \"", delegation.name, "\" is listed twice"));
    }
    out.delegations.push_back(std::move(delegation));
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t MaxBytesOf(std::string_view role) {
  if (role == kRoot) return kMaxRootBytes;
  if (role == kTimestamp) return kMaxTimestampBytes;
  if (role == kSnapshot) return kMaxSnapshotBytes;
  return kMaxTargetsBytes;
}

absl::StatusOr<Envelope> Envelope::Parse(std::string_view bytes) {
  LINNET_ASSIGN_OR_RETURN(Json json, ParseJson(bytes));
  if (json.object() == nullptr) return Bad("metadata", "an object is expected");
  const Json* signatures = json.Find("signatures");
  if (signatures == nullptr || signatures->array() == nullptr)
    return Bad("metadata", "\"signatures\" is no list");
  Envelope envelope;
  std::set<std::string> keyids;
  for (const Json& element : *signatures->array()) {
    LINNET_ASSIGN_OR_RETURN(const std::string* keyid, Text(element, "keyid", "signature"));
    LINNET_ASSIGN_OR_RETURN(const std::string* hex, Text(element, "sig", "signature"));
    if (!keyids.insert(*keyid).second) return Bad("signatures", "a keyid is listed twice");
    envelope.signatures.push_back({*keyid, base::UnHex(*hex).value_or("")});
  }
  const auto it = json.object()->find("signed");
  if (it == json.object()->end() || it->second.object() == nullptr)
    return Bad("metadata", "\"signed\" is no object");
  envelope.signed_part = std::move(it->second);
  envelope.canonical = envelope.signed_part.Canonical();
  return envelope;
}

absl::StatusOr<Root> ParseRoot(const Envelope& envelope) {
  Root root;
  LINNET_RETURN_IF_ERROR(ParseCommon(envelope, kRoot, root));
  const Json& json = envelope.signed_part;
  if (json.Find("consistent_snapshot") == nullptr) {
    root.consistent_snapshot = false;
  } else {
    LINNET_ASSIGN_OR_RETURN(root.consistent_snapshot, Boolean(json, "consistent_snapshot", kRoot));
  }
  LINNET_ASSIGN_OR_RETURN(root.keys, ParseKeys(json, kRoot));
  LINNET_ASSIGN_OR_RETURN(const Json::Object* roles, Object(json, "roles", kRoot));
  for (const auto& [name, value] : *roles) {
    if (!IsTopLevel(name)) continue;
    LINNET_ASSIGN_OR_RETURN(RoleKeys keys, ParseRoleKeys(value, absl::StrCat("root, role ", name)));
    root.roles.emplace(name, std::move(keys));
  }
  for (const std::string_view name : {kRoot, kTimestamp, kSnapshot, kTargets}) {
    if (!root.roles.contains(name))
      return Bad(kRoot, absl::StrCat("role \"", std::string(name), "\" is missing"));
  }
  return root;
}

absl::StatusOr<Timestamp> ParseTimestamp(const Envelope& envelope) {
  Timestamp timestamp;
  LINNET_RETURN_IF_ERROR(ParseCommon(envelope, kTimestamp, timestamp));
  LINNET_ASSIGN_OR_RETURN(const Json* meta, Member(envelope.signed_part, "meta", kTimestamp));
  LINNET_ASSIGN_OR_RETURN(const Json* file, Member(*meta, "snapshot.json", "timestamp, meta"));
  LINNET_ASSIGN_OR_RETURN(timestamp.snapshot, ParseMetaFile(*file, "timestamp, snapshot.json"));
  const Json* created = envelope.signed_part.Find(kCreatedField);
  if (created != nullptr && created->text() != nullptr) timestamp.created = ParseTime(*created->text());
  return timestamp;
}

absl::StatusOr<Snapshot> ParseSnapshot(const Envelope& envelope) {
  Snapshot snapshot;
  LINNET_RETURN_IF_ERROR(ParseCommon(envelope, kSnapshot, snapshot));
  LINNET_ASSIGN_OR_RETURN(const Json::Object* meta, Object(envelope.signed_part, "meta", kSnapshot));
  for (const auto& [name, value] : *meta) {
    LINNET_ASSIGN_OR_RETURN(MetaFile file, ParseMetaFile(value, absl::StrCat("snapshot, ", name)));
    snapshot.meta.emplace(name, std::move(file));
  }
  return snapshot;
}

absl::StatusOr<Targets> ParseTargets(const Envelope& envelope) {
  Targets targets;
  LINNET_RETURN_IF_ERROR(ParseCommon(envelope, kTargets, targets));
  LINNET_ASSIGN_OR_RETURN(const Json::Object* files, Object(envelope.signed_part, "targets", kTargets));
  for (const auto& [path, value] : *files) {
    const std::string where = absl::StrCat("targets, \"", path, "\"");
    TargetFile file;
    LINNET_ASSIGN_OR_RETURN(file.length, Integer(value, "length", 0, where));
    LINNET_ASSIGN_OR_RETURN(file.hashes, ParseHashes(value, where));
    const Json* custom = value.Find("custom");
    file.custom_json = custom == nullptr ? "{}" : custom->Canonical();
    targets.targets.emplace(path, std::move(file));
  }
  if (const Json* delegations = envelope.signed_part.Find("delegations")) {
    LINNET_RETURN_IF_ERROR(ParseDelegations(*delegations, targets));
  }
  return targets;
}

std::vector<base::PublicKey> KeysOfRole(const Root& root, std::string_view role) {
  std::vector<base::PublicKey> keys;
  const auto entry = root.roles.find(role);
  if (entry == root.roles.end()) return keys;
  for (const std::string& keyid : entry->second.keyids) {
    const auto it = root.keys.find(keyid);
    if (it != root.keys.end() && it->second.key.has_value()) keys.push_back(*it->second.key);
  }
  return keys;
}

}  // namespace linnet::trust
