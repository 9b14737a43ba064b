#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/keys.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/x509.h"
#include "storage/trust/lifetimes.h"
#include "storage/trust/metadata.h"
#include "storage/trust/role_change.h"
#include "storage/trust/role_name.h"
#include "storage/trust/signing.h"
#include "storage/trust/site.h"
#include "storage/trust/site_files.h"
#include "storage/trust/site_keys.h"

namespace linnet::trust {
namespace {

using base::Certificate;
using base::CertificateUse;
using base::KeyType;
using base::PrivateKey;

class SiteMaker {
 public:
  SiteMaker(base::FileSystem& fs, std::string dir, const SiteOptions& options, absl::Time now)
      : fs_(fs),
        dir_(std::move(dir)),
        options_(options),
        now_(now),
        site_(base::Hex(base::RandomBytes(16))) {}

  absl::Status Make() {
    LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(dir_));
    for (const std::string_view folder :
         {std::string_view("offline/metadata"), kSiteRepository, kSiteOperator}) {
      LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(absl::StrCat(dir_, "/", std::string(folder))));
    }
    const std::string about =
        Json(Json::Object{{"format", "linnet-site-1"}, {"site", site_}, {"name", options_.name}}).Dump() +
        "\n";
    LINNET_RETURN_IF_ERROR(Write("site.json", about));
    LINNET_RETURN_IF_ERROR(Write("coordinator/site.json", about));
    LINNET_RETURN_IF_ERROR(MakeRepository());
    return MakeCertificates();
  }

 private:
  absl::Status Write(std::string_view name, std::string_view bytes) {
    return fs_.WriteFileAtomic(absl::StrCat(dir_, "/", std::string(name)), bytes, kPublicMode);
  }

  absl::StatusOr<PrivateKey> MakeKey(const std::string& name, KeyType type, std::string_view passphrase) {
    PrivateKey key = PrivateKey::Generate(type);
    LINNET_RETURN_IF_ERROR(WriteKey(fs_, dir_, name, key, passphrase));
    return key;
  }

  // Of people: made here, or on a token already.
  absl::StatusOr<PrivateKey> MakePlace(const std::string& place) {
    const auto found = options_.token_keys.find(place);
    if (found == options_.token_keys.end()) {
      return MakeKey(SiteKeys::FileOf(place), KeyType::kEd25519, options_.passphrase);
    }
    absl::StatusOr<PrivateKey> key = base::OpenTokenKey(found->second, options_.pin);
    if (!key.ok()) {
      return absl::Status(key.status().code(), absl::StrCat(place, ": ", base::Message(key.status())));
    }
    if (const auto [at, fresh] = on_tokens_.emplace(key->public_key().Raw(), place); !fresh) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, " and ", at->second, ": both are the same key of the token"));
    }
    LINNET_RETURN_IF_ERROR(
        WriteTokenFile(fs_, dir_, SiteKeys::FileOf(place), found->second, key->public_key()));
    return key;
  }

  absl::StatusOr<std::vector<PrivateKey>> MakeKeys(std::string_view role, int count) {
    std::vector<PrivateKey> keys;
    for (int i = 1; i <= count; ++i) {
      LINNET_ASSIGN_OR_RETURN(PrivateKey key, MakePlace(absl::StrCat(std::string(role), "-", i)));
      keys.push_back(std::move(key));
    }
    return keys;
  }

  static absl::StatusOr<std::string> Sign(const Json& json, std::span<const PrivateKey> keys) {
    std::string bytes = SignMetadata(json, {});
    for (const PrivateKey& key : keys) {
      LINNET_ASSIGN_OR_RETURN(bytes, WithSignature(bytes, key));
    }
    return bytes;
  }

  static RoleSigners SignersOf(std::span<const PrivateKey> keys, uint64_t threshold) {
    RoleSigners signers{.threshold = threshold};
    for (const PrivateKey& key : keys) signers.keys.push_back(key.public_key());
    return signers;
  }

  // One role's first version: into the repository, and into the memory of the offline side.
  absl::Status WriteRole(std::string_view role, const std::string& bytes) {
    const std::string name = RoleFileName(role);
    LINNET_RETURN_IF_ERROR(Write(absl::StrCat(std::string(kSiteRepository), "/1.", name), bytes));
    if (role == kSnapshot) return absl::OkStatus();
    return Write(absl::StrCat("offline/metadata/", name), bytes);
  }

  absl::Status MakeRepository() {
    LINNET_ASSIGN_OR_RETURN(const std::vector<PrivateKey> root, MakeKeys("root", kRootKeys));
    LINNET_ASSIGN_OR_RETURN(const std::vector<PrivateKey> targets, MakeKeys("targets", kTargetsKeys));
    LINNET_ASSIGN_OR_RETURN(const PrivateKey plans, MakePlace(std::string(kPlans)));
    // The coordinator starts without a person: its keys lie open, and what they can do is bounded (TRUST.md).
    LINNET_ASSIGN_OR_RETURN(const PrivateKey snapshot,
                            MakeKey("coordinator/snapshot.key", KeyType::kEd25519, ""));
    LINNET_ASSIGN_OR_RETURN(const PrivateKey timestamp,
                            MakeKey("coordinator/timestamp.key", KeyType::kEd25519, ""));

    const std::map<std::string, RoleSigners> roles = {{"root", SignersOf(root, kOfflineThreshold)},
                                                      {"targets", SignersOf(targets, kOfflineThreshold)},
                                                      {"snapshot", SignersOf({&snapshot, 1}, 1)},
                                                      {"timestamp", SignersOf({&timestamp, 1}, 1)}};
    LINNET_ASSIGN_OR_RETURN(const std::string root_bytes, Sign(RootJson(1, now_ + kRootLifetime, roles),
                                                               std::span(root).first(kOfflineThreshold)));
    LINNET_RETURN_IF_ERROR(WriteRole(kRoot, root_bytes));
    Json targets_json = TargetsJson(1, now_ + kTargetsLifetime);
    AddDelegation(targets_json, kPlans, SignersOf({&plans, 1}, 1), {"plans/*"}, /*terminating=*/true);
    LINNET_ASSIGN_OR_RETURN(const std::string targets_bytes,
                            Sign(targets_json, std::span(targets).first(kOfflineThreshold)));
    LINNET_RETURN_IF_ERROR(WriteRole(kTargets, targets_bytes));
    LINNET_ASSIGN_OR_RETURN(const std::string plans_bytes,
                            Sign(TargetsJson(1, now_ + kTargetsLifetime), {&plans, 1}));
    LINNET_RETURN_IF_ERROR(WriteRole(kPlans, plans_bytes));
    const std::string snapshot_bytes = SignMetadata(
        SnapshotJson(
            1, now_ + kSnapshotLifetime,
            {{"targets.json", MetaFileOf(1, targets_bytes)}, {"plans.json", MetaFileOf(1, plans_bytes)}}),
        {&snapshot, 1});
    LINNET_RETURN_IF_ERROR(WriteRole(kSnapshot, snapshot_bytes));
    return Write(
        absl::StrCat(std::string(kSiteRepository), "/timestamp.json"),
        SignMetadata(TimestampJson(1, now_ + kTimestampLifetime, 1, snapshot_bytes, now_), {&timestamp, 1}));
  }

  base::CertificateRequest Request(std::string common_name, CertificateUse use,
                                   absl::Duration lifetime) const {
    base::CertificateRequest request;
    request.common_name = absl::StrCat("Linnet ", options_.name, " ", common_name);
    request.use = use;
    request.not_before = now_ - kClockSlack;
    request.not_after = now_ + lifetime;
    return request;
  }

  absl::Status MakeCertificates() {
    LINNET_ASSIGN_OR_RETURN(const PrivateKey fleet_key,
                            MakeKey("offline/device-ca-root.key", KeyType::kP256, options_.passphrase));
    base::CertificateRequest fleet_request =
        Request("fleet root", CertificateUse::kAuthority, kAuthorityLifetime);
    fleet_request.path_length = 1;
    const Certificate fleet_root = base::IssueSelfSigned(fleet_key, fleet_request);

    LINNET_ASSIGN_OR_RETURN(const PrivateKey device_ca_key,
                            MakeKey("coordinator/device-ca.key", KeyType::kP256, ""));
    base::CertificateRequest device_ca_request =
        Request("device authority", CertificateUse::kAuthority, kIntermediateLifetime);
    device_ca_request.confined_to = base::DomainOf(base::kDeviceUri);
    LINNET_ASSIGN_OR_RETURN(
        const Certificate device_ca,
        base::Issue(fleet_root, fleet_key, device_ca_key.public_key(), device_ca_request));

    // By the root itself: a stolen intermediate then cannot make a coordinator that devices pin by name.
    LINNET_ASSIGN_OR_RETURN(const PrivateKey server_key,
                            MakeKey("coordinator/server.key", KeyType::kP256, ""));
    base::CertificateRequest server_request =
        Request("coordinator", CertificateUse::kServer, kIntermediateLifetime);
    server_request.uri = absl::StrCat(std::string(base::kCoordinatorUri), site_);
    server_request.dns_names = options_.server_names;
    LINNET_ASSIGN_OR_RETURN(const Certificate server,
                            base::Issue(fleet_root, fleet_key, server_key.public_key(), server_request));

    LINNET_ASSIGN_OR_RETURN(const PrivateKey operator_ca_key,
                            MakeKey("offline/operator-ca.key", KeyType::kP256, options_.passphrase));
    const Certificate operator_root = base::IssueSelfSigned(
        operator_ca_key, Request("operator root", CertificateUse::kAuthority, kAuthorityLifetime));
    LINNET_ASSIGN_OR_RETURN(const PrivateKey operator_key,
                            MakeKey("operator/operator.key", KeyType::kP256, ""));
    base::CertificateRequest operator_request = Request(absl::StrCat("operator ", options_.operator_name),
                                                        CertificateUse::kClient, kOperatorLifetime);
    operator_request.uri = absl::StrCat(std::string(base::kOperatorUri), options_.operator_name);
    LINNET_ASSIGN_OR_RETURN(
        const Certificate operator_certificate,
        base::Issue(operator_root, operator_ca_key, operator_key.public_key(), operator_request));

    LINNET_RETURN_IF_ERROR(Write("coordinator/device-ca.pem", device_ca.ToPem()));
    LINNET_RETURN_IF_ERROR(Write("coordinator/server.pem", server.ToPem()));
    LINNET_RETURN_IF_ERROR(Write("coordinator/fleet-root.pem", fleet_root.ToPem()));
    LINNET_RETURN_IF_ERROR(Write("coordinator/operator-root.pem", operator_root.ToPem()));
    LINNET_RETURN_IF_ERROR(Write("operator/operator.pem", operator_certificate.ToPem()));
    LINNET_RETURN_IF_ERROR(Write("operator/fleet-root.pem", fleet_root.ToPem()));
    LINNET_RETURN_IF_ERROR(Write("operator/coordinator.pin", base::Hex(server.SpkiSha256()) + "\n"));
    return Write("operator/admin-address", options_.admin_address + "\n");
  }

  base::FileSystem& fs_;
  const std::string dir_;
  const SiteOptions& options_;
  const absl::Time now_;
  const std::string site_;
  std::map<std::string, std::string> on_tokens_;  // public key -> place
};

// A place that this site will have?
absl::Status CheckPlaces(const std::map<std::string, std::string>& token_keys) {
  for (const auto& [place, uri] : token_keys) {
    bool known = place == kPlans;
    for (int i = 1; i <= kRootKeys; ++i) known = known || place == absl::StrCat("root-", i);
    for (int i = 1; i <= kTargetsKeys; ++i) known = known || place == absl::StrCat("targets-", i);
    if (!known) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", place, "\" is no key of a new site; it has root-1 to -3, targets-1 to -3 and plans"));
    }
    LINNET_RETURN_IF_ERROR(base::CheckTokenUri(uri));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InitSite(base::FileSystem& fs, const std::string& given, const SiteOptions& options,
                      const base::Clock& clock) {
  std::string dir = given;
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  if (dir.empty()) return absl::InvalidArgumentError("the site's folder has no name");
  LINNET_RETURN_IF_ERROR(CheckName("site name", options.name));
  LINNET_RETURN_IF_ERROR(CheckName("operator name", options.operator_name));
  LINNET_RETURN_IF_ERROR(CheckPlaces(options.token_keys));
  LINNET_RETURN_IF_ERROR(CheckFree(fs, dir, "name a new folder for the site"));
  const std::string temporary = absl::StrCat(dir, ".new-", base::Hex(base::RandomBytes(4)));
  absl::Status made = SiteMaker(fs, temporary, options, clock.Now()).Make();
  if (made.ok()) made = fs.Rename(temporary, dir);
  if (!made.ok()) {
    std::error_code ignored;  // the first error is the one to tell
    std::filesystem::remove_all(temporary, ignored);
    return made;
  }
  const size_t slash = dir.find_last_of('/');
  return fs.SyncDirectory(slash == std::string::npos ? "." : slash == 0 ? "/" : dir.substr(0, slash));
}

}  // namespace linnet::trust
