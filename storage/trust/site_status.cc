#include "storage/trust/site_status.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/x509.h"
#include "storage/trust/metadata.h"
#include "storage/trust/online_keys.h"
#include "storage/trust/site_files.h"
#include "storage/trust/site_keys.h"

namespace linnet::trust {
namespace {

RoleStatus StatusOfRole(const OfflineSet& set, const std::string& name) {
  const OfflineSet::Role& role = set.roles().at(name);
  RoleStatus out{.role = name, .version = role.version, .expires = role.expires};
  const bool by_root = name == kRoot || name == kTargets;
  const Targets& targets = set.roles().at(std::string(kTargets)).targets;
  const RoleKeys* keys = by_root ? &set.root().roles.find(name)->second : targets.KeysOf(name);
  if (keys == nullptr) return out;
  out.threshold = static_cast<uint32_t>(keys->threshold);
  out.keys = static_cast<uint32_t>(keys->keyids.size());
  out.keyids = keys->keyids;
  const absl::StatusOr<Envelope> envelope = Envelope::Parse(role.bytes);
  LINNET_CHECK(envelope.ok());  // an OfflineSet holds only what parsed
  const std::vector<std::string> signers =
      SignersOf(*envelope, *keys, by_root ? set.root().keys : targets.keys);
  for (const std::string& id : keys->keyids) {
    const bool did = std::find(signers.begin(), signers.end(), id) != signers.end();
    (did ? out.signed_by : out.not_signed_by).push_back(PlaceOf(name, *keys, id));
  }
  return out;
}

// A first key's id is not in its name, and may be sealed: it has left when the file of the one that is listed
// is here.
std::set<std::string> UnlistedFiles(const std::vector<RoleStatus>& roles,
                                    const std::vector<std::string>& files) {
  std::set<std::string> unlisted;
  for (const RoleStatus& role : roles) {
    const RoleKeys keys{.keyids = role.keyids};
    for (const std::string& id : role.keyids) {
      const std::string place = PlaceOf(role.role, keys, id);
      const std::string now = SiteKeys::FileOf(place, id), first = SiteKeys::FileOf(place);
      const bool succeeded = std::find(files.begin(), files.end(), now) != files.end();
      const std::string later = first.substr(0, first.size() - std::string_view("key").size());
      for (const std::string& file : files) {
        if (file == now) continue;
        if ((file == first && succeeded) || (file != first && file.starts_with(later))) unlisted.insert(file);
      }
    }
  }
  return unlisted;
}

// Where the keys lie that the root names; the others of these roles that lie there have left, or wait.
std::vector<OnlineKeyStatus> OnlineKeysOf(base::FileSystem& fs, const std::string& dir, const Root& root) {
  std::vector<OnlineKeyStatus> out;
  const std::string folder(kSiteCoordinator);
  for (const std::string_view role : {kSnapshot, kTimestamp}) {
    for (const std::string& id : root.roles.find(role)->second.keyids) {
      const std::string file = OnlineKeyFileIn(fs, absl::StrCat(dir, "/", folder), role, id).value_or("");
      out.push_back({std::string(role), id, file.empty() ? "" : absl::StrCat(folder, "/", file)});
    }
  }
  return out;
}

void AddUnlistedOnline(const std::vector<OnlineKeyStatus>& keys, const std::vector<std::string>& files,
                       std::set<std::string>& unlisted) {
  for (const std::string& file : files) {
    for (const OnlineKeyStatus& key : keys) {
      if (file.starts_with(absl::StrCat(std::string(kSiteCoordinator), "/", key.role, ".")))
        unlisted.insert(file);
    }
  }
  for (const OnlineKeyStatus& key : keys) unlisted.erase(key.file);
}

}  // namespace

SiteStatus StatusOfSite(base::FileSystem& fs, const std::string& dir, const OfflineSet& set) {
  SiteStatus status;
  for (const auto& [name, role] : set.roles()) status.roles.push_back(StatusOfRole(set, name));
  std::vector<std::string> files;
  for (const std::string_view folder : {kSiteOffline, kSiteCoordinator, kSiteOperator}) {
    const absl::StatusOr<std::vector<std::string>> names =
        fs.List(absl::StrCat(dir, "/", std::string(folder)));
    if (!names.ok()) continue;  // may have been moved to another machine
    for (const std::string& file : *names) {
      if (file.ends_with(".key")) files.push_back(absl::StrCat(std::string(folder), "/", file));
    }
  }
  status.online_keys = OnlineKeysOf(fs, dir, set.root());
  std::set<std::string> unlisted = UnlistedFiles(status.roles, files);
  AddUnlistedOnline(status.online_keys, files, unlisted);
  for (const std::string& file : files) {
    KeyFileStatus& entry = status.key_files.emplace_back();
    entry.path = file;
    const std::string path = absl::StrCat(dir, "/", file);
    const absl::StatusOr<base::FileInfo> info = fs.Stat(path);
    const absl::StatusOr<std::string> bytes = fs.ReadFile(path, kMaxSmallFile);
    entry.present = info.ok();
    entry.mode = info.ok() ? info->mode : 0;
    const bool on_token = bytes.ok() && base::TokenKeyFile::Is(*bytes);
    const absl::StatusOr<base::TokenKeyFile> token =
        on_token ? base::TokenKeyFile::Parse(*bytes) : absl::NotFoundError("not on a token");
    if (on_token) entry.token_uri = token.ok() ? token->uri : "(its file is damaged)";
    entry.encrypted = bytes.ok() && !on_token && !bytes->starts_with("-----BEGIN");
    entry.unlisted = unlisted.contains(file);
  }
  const auto expires = [&](std::string_view name) {
    const auto pem = fs.ReadFile(absl::StrCat(dir, "/", std::string(name)), kMaxSmallFile);
    if (!pem.ok()) return absl::InfinitePast();
    const auto certificate = base::Certificate::FromPem(*pem);
    return certificate.ok() ? certificate->not_after() : absl::InfinitePast();
  };
  status.server_certificate_expires = expires("coordinator/server.pem");
  status.device_ca_expires = expires("coordinator/device-ca.pem");
  status.operator_certificate_expires = expires("operator/operator.pem");
  return status;
}

}  // namespace linnet::trust
