#include "storage/trust/site.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/lifetimes.h"
#include "storage/trust/metadata.h"
#include "storage/trust/offline_set.h"
#include "storage/trust/role_change.h"
#include "storage/trust/signing.h"
#include "storage/trust/site_change.h"
#include "storage/trust/site_files.h"
#include "storage/trust/site_folder.h"
#include "storage/trust/site_keys.h"
#include "storage/trust/site_release.h"
#include "storage/trust/site_revoked.h"
#include "storage/trust/site_status.h"

namespace linnet::trust {
namespace {

class SiteImpl final : public Site {
 public:
  SiteImpl(base::FileSystem& fs, std::string dir, std::string passphrase, base::TokenPin pin,
           const base::Clock& clock, SiteLock lock, std::string id, std::string name)
      : fs_(fs),
        dir_(std::move(dir)),
        folder_(fs, dir_),
        revoked_(fs, dir_),
        keys_(fs, dir_, std::move(passphrase), std::move(pin)),
        clock_(clock),
        lock_(std::move(lock)),
        id_(std::move(id)),
        name_(std::move(name)) {}

  absl::StatusOr<Publication> PublishModel(const ModelRelease& release,
                                           const std::map<std::string, std::string>& current) override {
    LINNET_RETURN_IF_ERROR(CheckRelease(release));
    LINNET_ASSIGN_OR_RETURN(OfflineSet base, folder_.Base(current));
    LINNET_ASSIGN_OR_RETURN(const ReleaseTargets targets, ReleaseTargets::Of(fs_, release));
    LINNET_ASSIGN_OR_RETURN(const bool are_signed, targets.AreSigned(base));
    if (targets.suite.has_value()) {
      // For bundles: signed metadata has the hash only. Written before the metadata that names it.
      LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(absl::StrCat(dir_, "/suites"), 0755));
      LINNET_RETURN_IF_ERROR(
          fs_.WriteFileAtomic(SuiteFile(dir_, targets.suite->sha256), release.suite_json, kPublicMode));
    }
    if (!are_signed) {
      const uint64_t counter =
          release.release_counter == 0 ? LargestCounter(base, targets.role) + 1 : release.release_counter;
      LINNET_ASSIGN_OR_RETURN(
          base, WithFamily(base, release.family, [&](Json& json) { targets.AddTo(json, release, counter); }));
    }
    LINNET_ASSIGN_OR_RETURN(Publication out, Remember(base, current));
    for (const std::string& path : targets.paths()) {
      LINNET_ASSIGN_OR_RETURN(TargetInfo info,
                              MakeTargetInfo(path, targets.role, *FindFile(base, targets.role, path)));
      out.targets.push_back(std::move(info));
    }
    out.small_targets.emplace(targets.index_path, release.index_json);
    if (targets.suite.has_value()) out.small_targets.emplace(targets.suite_path, release.suite_json);
    return out;
  }

  absl::StatusOr<Publication> SignPlan(const Plan& plan, const std::map<std::string, std::string>& current,
                                       bool allow_unsigned_model) override {
    const std::string json = plan.ToJson();
    LINNET_RETURN_IF_ERROR(Plan::FromJson(json).status());  // devices will read it by these rules
    LINNET_RETURN_IF_ERROR(plan.CheckPinned());
    LINNET_ASSIGN_OR_RETURN(OfflineSet base, folder_.Base(current));
    if (!allow_unsigned_model) LINNET_RETURN_IF_ERROR(CheckModel(base, plan));
    return SignUnderPlans(base, absl::StrCat(std::string(kPlans), "/", plan.id, ".json"), json, plan.expires,
                          current);
  }

  absl::StatusOr<Publication> SignLift(const Lift& lift,
                                       const std::map<std::string, std::string>& current) override {
    const std::string json = lift.ToJson();
    LINNET_RETURN_IF_ERROR(Lift::FromJson(json).status());
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    const std::string plan = absl::StrCat(std::string(kPlans), "/", lift.rollout, ".json");
    const TargetFile* known = FindFile(base, std::string(kPlans), plan);
    if (known == nullptr || !HasHash(*known, lift.plan_sha256)) {
      return absl::FailedPreconditionError(absl::StrCat(plan, ": no such plan was signed here"));
    }
    return SignUnderPlans(base, lift.Target(), json, lift.expires, current);
  }

  absl::StatusOr<RevokedList> Revoked(const FetchTarget& fetch,
                                      const std::map<std::string, std::string>& current) const override {
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    const TargetFile* known = FindFile(base, std::string(kPlans), std::string(kRevokedTarget));
    if (known == nullptr) return RevokedList{};
    return revoked_.Load(Sha256Of(*known), fetch);
  }

  absl::StatusOr<Publication> SignRevoked(const RevokedList& list,
                                          const std::map<std::string, std::string>& current) override {
    const std::string path(kRevokedTarget);
    const std::string json = list.ToJson();
    LINNET_RETURN_IF_ERROR(RevokedList::FromJson(json).status());  // devices will read it by these rules
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    const std::string hash(base::AsView(base::Sha256(json)));
    const TargetFile* known = FindFile(base, std::string(kPlans), path);
    const bool same = known != nullptr && HasHash(*known, hash);
    const uint64_t before = known == nullptr ? 0 : RevokedVersionOf(known->custom_json);
    if (!same && list.version <= before) {
      return absl::FailedPreconditionError(absl::StrCat(path, ": version ", before,
                                                        " is signed, and a list of version ", list.version,
                                                        " cannot follow it"));
    }
    LINNET_RETURN_IF_ERROR(revoked_.Save(hash, json));
    LINNET_ASSIGN_OR_RETURN(
        Publication out,
        PublishUnderPlans(base, path, json, same, Json::Object{{"version", list.version}}, current));
    revoked_.Sweep(hash);
    return out;
  }

  absl::StatusOr<Publication> ReleaseAgain(std::string_view target,
                                           const std::map<std::string, std::string>& current) override {
    LINNET_ASSIGN_OR_RETURN(OfflineSet base, folder_.Base(current));
    const std::string role(target.substr(0, std::min(target.rfind('/'), target.size())));
    const std::string name(target);
    const TargetFile* file = FindFile(base, role, name);
    const TargetFile* index = FindFile(base, role, absl::StrCat(name, std::string(kIndexSuffix)));
    if (!role.starts_with(kModelsPrefix) || file == nullptr || index == nullptr) {
      return absl::NotFoundError(absl::StrCat(name, ": no model of this name was signed"));
    }
    std::string path = NewestWith(base, role, *file);
    if (path.empty()) {
      LINNET_ASSIGN_OR_RETURN(Json custom, ParseJson(file->custom_json));
      const uint64_t counter = LargestCounter(base, role) + 1;
      if (custom.object() == nullptr || counter > UINT32_MAX || Sha256Of(*file).empty() ||
          Sha256Of(*index).empty()) {
        return absl::FailedPreconditionError(absl::StrCat(name, ": cannot be released again"));
      }
      (*custom.object())["release_counter"] = Json(counter);
      const std::string_view suffix = ModelSuffix(target);
      path =
          absl::StrCat(name.substr(0, name.size() - suffix.size()), "-again-", counter, std::string(suffix));
      LINNET_ASSIGN_OR_RETURN(base, WithFamily(base, role.substr(kModelsPrefix.size()), [&](Json& json) {
                                AddAgain(json, base, role, name, path, std::move(custom));
                              }));
    }
    LINNET_ASSIGN_OR_RETURN(Publication out, Remember(base, current));
    LINNET_ASSIGN_OR_RETURN(TargetInfo info, MakeTargetInfo(path, role, *FindFile(base, role, path)));
    out.targets.push_back(std::move(info));
    return out;
  }

  absl::StatusOr<TargetInfo> FindTarget(std::string_view path,
                                        const std::map<std::string, std::string>& current) const override {
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    for (TargetInfo& info : base.AllTargets()) {
      if (info.path == path) return std::move(info);
    }
    return absl::NotFoundError(
        absl::StrCat(std::string(path), ": no role of this site has signed such a target"));
  }

  absl::StatusOr<Change> Renew(const std::vector<std::string>& roles, absl::Duration lifetime,
                               const std::map<std::string, std::string>& current) override {
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    if (std::find(roles.begin(), roles.end(), kRoot) != roles.end()) {
      LINNET_RETURN_IF_ERROR(CheckRootIsPublished(base, current));
    }
    return RenewRoles(Parts(base), roles, lifetime);
  }

  absl::StatusOr<Change> RotateKey(const std::string& role, std::string_view key,
                                   const std::map<std::string, std::string>& current,
                                   const std::string& token_uri) override {
    if (role == kTimestamp || role == kSnapshot) {
      if (key.empty() && token_uri.empty()) return RotateOnlineKeys({role}, current);
      return absl::InvalidArgumentError(absl::StrCat(
          role, ": has one key, in a file of the coordinator's, which starts without a person and a token"));
    }
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    if (role == kRoot || role == kTargets) LINNET_RETURN_IF_ERROR(CheckRootIsPublished(base, current));
    return RotateRoleKey(Parts(base), role, key, token_uri);
  }

  absl::StatusOr<Change> RotateOnlineKeys(const std::vector<std::string>& roles,
                                          const std::map<std::string, std::string>& current) override {
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    LINNET_RETURN_IF_ERROR(CheckRootIsPublished(base, current));
    return RotateCoordinatorKeys(Parts(base), roles);
  }

  absl::StatusOr<Change> Withdraw(std::string_view name,
                                  const std::map<std::string, std::string>& current) override {
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    return WithdrawModel(Parts(base), name);
  }

  absl::StatusOr<Change> Sign(std::string_view file,
                              const std::map<std::string, std::string>& current) override {
    LINNET_ASSIGN_OR_RETURN(OfflineSet::Metadata metadata, ChangeFromFile(file, id_));
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    // What is in force already is as the coordinator has it, with whatever signatures.
    for (auto& [role, bytes] : metadata) {
      const auto known = base.roles().find(role);
      if (known != base.roles().end() && SameSignedPart(known->second.bytes, bytes)) {
        bytes = known->second.bytes;
      }
    }
    return SignChange(Parts(base), std::move(metadata));
  }

  std::string ChangeFile(const Change& change) const override { return ChangeToFile(change, id_); }

  absl::StatusOr<Publication> Adopt(const Change& change,
                                    const std::map<std::string, std::string>& current) override {
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    LINNET_ASSIGN_OR_RETURN(const OfflineSet set, base.With(change.metadata, clock_.Now()));
    return Remember(set, current);
  }

  absl::StatusOr<Publication> Unpublished(const std::map<std::string, std::string>& current) override {
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base(current));
    return Remember(base, current);
  }

  absl::StatusOr<OfflineSet::Metadata> Offline() const override {
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base({}));
    return base.bytes();
  }

  absl::StatusOr<SiteStatus> Status() const override {
    LINNET_ASSIGN_OR_RETURN(const OfflineSet base, folder_.Base({}));
    SiteStatus status = StatusOfSite(fs_, dir_, base);
    status.site = id_;
    status.name = name_;
    return status;
  }
  const std::string& id() const override { return id_; }

 private:
  // Roots follow each other without a gap: the next is made when this one is where clients find it.
  static absl::Status CheckRootIsPublished(const OfflineSet& base,
                                           const std::map<std::string, std::string>& current) {
    const auto published = current.find(std::string(kRoot));
    if (published == current.end() || published->second == base.roles().at(std::string(kRoot)).bytes) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        absl::StrCat("root: version ", base.version(kRoot),
                     " is signed here but not published yet; do that first with linnet site publish"));
  }

  static bool SameSignedPart(std::string_view a, std::string_view b) {
    const absl::StatusOr<Envelope> one = Envelope::Parse(a), other = Envelope::Parse(b);
    return one.ok() && other.ok() && one->canonical == other->canonical;
  }

  static absl::Status CheckModel(const OfflineSet& base, const Plan& plan) {
    for (const TargetInfo& info : base.AllTargets()) {
      if (info.path != plan.model_target) continue;
      if (info.sha256 == plan.model_sha256) return absl::OkStatus();
      return absl::FailedPreconditionError(absl::StrCat(plan.model_target, ": the plan names SHA-256 ",
                                                        base::Hex(plan.model_sha256), ", signed is ",
                                                        base::Hex(info.sha256)));
    }
    return absl::FailedPreconditionError(
        absl::StrCat(plan.model_target, ": no role has signed this model; publish it first"));
  }

  // A small target under "plans/". What was signed under this name never changes.
  absl::StatusOr<Publication> SignUnderPlans(OfflineSet base, const std::string& path,
                                             const std::string& json, absl::Time expires,
                                             const std::map<std::string, std::string>& current) const {
    const std::string role(kPlans);
    const std::string hash(base::AsView(base::Sha256(json)));
    const TargetFile* known = FindFile(base, role, path);
    if (known != nullptr && !HasHash(*known, hash)) {
      return absl::AlreadyExistsError(
          absl::StrCat(path, ": another one has this name; what is signed never changes"));
    }
    return PublishUnderPlans(std::move(base), path, json, known != nullptr,
                             Json::Object{{"expires", absl::ToUnixSeconds(expires)}}, current);
  }

  // `is_signed`: as it stands, so that only what the coordinator lacks goes out.
  absl::StatusOr<Publication> PublishUnderPlans(OfflineSet base, const std::string& path,
                                                const std::string& json, bool is_signed, Json::Object custom,
                                                const std::map<std::string, std::string>& current) const {
    const std::string role(kPlans);
    const std::string hash(base::AsView(base::Sha256(json)));
    if (!is_signed) {
      LINNET_ASSIGN_OR_RETURN(base, Resigned(base, role, [&](Json& signed_part) {
                                AddTarget(signed_part, path, json.size(), hash, std::move(custom));
                              }));
    }
    LINNET_ASSIGN_OR_RETURN(Publication out, Remember(base, current));
    LINNET_ASSIGN_OR_RETURN(TargetInfo info, MakeTargetInfo(path, role, *FindFile(base, role, path)));
    out.targets.push_back(std::move(info));
    out.small_targets.emplace(path, json);
    return out;
  }

  // With the plans role goes the list of revoked devices that it names: a coordinator takes no role whose
  // targets it lacks, and publishing the list may have failed when it was signed.
  absl::StatusOr<Publication> Remember(const OfflineSet& set,
                                       const std::map<std::string, std::string>& current) const {
    LINNET_ASSIGN_OR_RETURN(Publication out, folder_.Remember(set, current));
    const TargetFile* list = FindFile(set, std::string(kPlans), std::string(kRevokedTarget));
    if (list == nullptr || !out.metadata.contains(std::string(kPlans))) return out;
    if (const absl::StatusOr<RevokedList> copy = revoked_.Load(Sha256Of(*list), {}); copy.ok()) {
      out.small_targets.emplace(kRevokedTarget, copy->ToJson());
    }
    return out;
  }

  ChangeParts Parts(const OfflineSet& base) const { return {base, keys_, clock_.Now()}; }

  // Signed by the keys on this machine, which must suffice.
  absl::StatusOr<OfflineSet> Signed(const OfflineSet& base, OfflineSet::Metadata metadata) const {
    LINNET_ASSIGN_OR_RETURN(const Change change, SignChange(Parts(base), std::move(metadata)));
    for (const SignatureCount& count : change.signatures) {
      if (count.have >= count.need) continue;
      LINNET_RETURN_IF_ERROR(change.unreachable);
      return absl::NotFoundError(absl::StrCat(count.role, ": ", count.have, " of ", count.need,
                                              " signatures; ", absl::StrJoin(count.not_signed_by, ", "),
                                              count.not_signed_by.size() > 1 ? " are" : " is", " not in ",
                                              dir_, "/", std::string(kSiteOffline)));
    }
    return base.With(change.metadata, clock_.Now());
  }

  // The next version of a delegated role, changed by `edit`.
  template <typename Edit>
  absl::StatusOr<OfflineSet> Resigned(const OfflineSet& base, const std::string& role,
                                      const Edit& edit) const {
    Json json = SignedPart(base.roles().at(role).bytes);
    SetVersion(json, base.version(role) + 1, clock_.Now() + kTargetsLifetime);
    edit(json);
    return Signed(base, {{role, SignMetadata(json, {})}});
  }

  // The next version of the family's role; a new family gets its key and its delegation in the same step.
  template <typename Edit>
  absl::StatusOr<OfflineSet> WithFamily(const OfflineSet& base, const std::string& family,
                                        const Edit& edit) const {
    const std::string role = absl::StrCat(std::string(kModelsPrefix), family);
    if (base.version(role) != 0) return Resigned(base, role, edit);
    const std::string place = absl::StrCat("models-", family);
    LINNET_RETURN_IF_ERROR(keys_.CheckPassphrase(kTargets, base.root().roles.find(kTargets)->second));
    LINNET_ASSIGN_OR_RETURN(const base::PrivateKey key, keys_.FindOrMakeFirst(place));
    const absl::Time expires = clock_.Now() + kTargetsLifetime;
    Json models = TargetsJson(1, expires);
    edit(models);
    Json targets = SignedPart(base.roles().at(std::string(kTargets)).bytes);
    SetVersion(targets, base.version(kTargets) + 1, expires);
    AddDelegation(targets, role, {.keys = {key.public_key()}}, {absl::StrCat(role, "/*")},
                  /*terminating=*/true);
    return Signed(base,
                  {{std::string(kTargets), SignMetadata(targets, {})}, {role, SignMetadata(models, {})}});
  }

  base::FileSystem& fs_;
  const std::string dir_;
  const SiteFolder folder_;
  const SiteRevoked revoked_;
  const SiteKeys keys_;
  const base::Clock& clock_;
  const SiteLock lock_;
  const std::string id_;
  const std::string name_;
};

}  // namespace

bool Change::complete() const {
  return std::all_of(signatures.begin(), signatures.end(),
                     [](const SignatureCount& count) { return count.have >= count.need; });
}

absl::StatusOr<std::unique_ptr<Site>> Site::Open(base::FileSystem& fs, const std::string& dir,
                                                 std::string passphrase, const base::Clock& clock,
                                                 base::TokenPin pin) {
  const std::string path = dir + "/site.json";
  absl::StatusOr<std::string> about = fs.ReadFile(path, kMaxSmallFile);
  if (absl::IsNotFound(about.status())) {
    return absl::NotFoundError(
        absl::StrCat(dir, ": is no site (it has no site.json); make one with linnet site init"));
  }
  LINNET_RETURN_IF_ERROR(about.status());
  const absl::StatusOr<Json> json = ParseJson(*about);
  const Json* id = json.ok() ? json->Find("site") : nullptr;
  const Json* name = json.ok() ? json->Find("name") : nullptr;
  if (id == nullptr || id->text() == nullptr || name == nullptr || name->text() == nullptr) {
    return absl::DataLossError(absl::StrCat(path, ": is damaged; restore it from a copy"));
  }
  LINNET_ASSIGN_OR_RETURN(SiteLock lock, SiteLock::Take(dir));
  return std::make_unique<SiteImpl>(fs, dir, std::move(passphrase), std::move(pin), clock, std::move(lock),
                                    *id->text(), *name->text());
}

}  // namespace linnet::trust
