// How a publication becomes visible. Clients follow timestamp.json, so it is written last; everything else
// has its version in its name and is in nobody's way before that. A new root is found by its name alone, so
// it is written when all that it vouches for is in place, just before the timestamp (of several, the first
// last). A power cut leaves the
// old state, or, between root and timestamp, one that Open() completes. Then whoever keeps a log of what was
// published hears of it, and only then is it shown. A root that names other online keys goes the same way:
// the snapshot and the timestamp behind it are signed with the new ones, and nothing is with the old.

#include "storage/trust/repository.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/mutex.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/lifetimes.h"
#include "storage/trust/metadata.h"
#include "storage/trust/offline_set.h"
#include "storage/trust/role_name.h"
#include "storage/trust/signing.h"
#include "storage/trust/trusted_set.h"

namespace linnet::trust {
namespace {

// Whatever found it: only a key that the root names signs.
absl::Status CheckOnlineKey(const Root& root, std::string_view role, const base::PrivateKey& key) {
  const RoleKeys& keys = root.roles.find(role)->second;
  const std::string own = key.public_key().Raw();
  for (const std::string& keyid : keys.keyids) {
    const auto it = root.keys.find(keyid);
    if (it == root.keys.end() || !it->second.key || it->second.key->Raw() != own) continue;
    if (it->second.key->type() != key.type() || keyid != KeyId(key.public_key())) continue;
    if (keys.threshold == 1) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "root: its ", std::string(role), " role is not held by the key that this coordinator has"));
}

// A device asks for metadata when the timestamp's number is not the one that it holds. Under a new key that
// must not be the same by chance: after a coordinator was restored from a copy, devices are ahead of it by
// the few that it signed in between (two a day).
constexpr uint64_t kStepToNewKey = 1000;

struct SignedRole {
  std::string bytes;
  uint64_t version = 0;
  absl::Time expires;
};

class RepositoryImpl final : public Repository {
 public:
  RepositoryImpl(base::FileSystem& fs, std::string dir, FindOnlineKeys find_keys, const base::Clock& clock,
                 OnPublished on_published, OfflineSet offline)
      : fs_(fs),
        dir_(std::move(dir)),
        find_keys_(std::move(find_keys)),
        clock_(clock),
        on_published_(std::move(on_published)),
        offline_(std::move(offline)) {}

  absl::Status Load() {
    base::MutexLock lock(mutex_);
    LINNET_RETURN_IF_ERROR(LoadRoots());
    LINNET_ASSIGN_OR_RETURN(keys_, FindKeys(offline_.root()));
    LINNET_ASSIGN_OR_RETURN(timestamp_.bytes,
                            fs_.ReadFile(absl::StrCat(dir_, "/timestamp.json"), kMaxTimestampBytes));
    LINNET_ASSIGN_OR_RETURN(const Envelope timestamp_envelope, Envelope::Parse(timestamp_.bytes));
    LINNET_ASSIGN_OR_RETURN(const Timestamp timestamp, ParseTimestamp(timestamp_envelope));
    timestamp_.version = timestamp.version;
    timestamp_.expires = timestamp.expires;
    LINNET_ASSIGN_OR_RETURN(snapshot_.bytes, Read(kSnapshot, timestamp.snapshot.version));
    LINNET_RETURN_IF_ERROR(
        VerifyBytes(kSnapshot, snapshot_.bytes, timestamp.snapshot.length, timestamp.snapshot.hashes));
    LINNET_ASSIGN_OR_RETURN(const Envelope snapshot_envelope, Envelope::Parse(snapshot_.bytes));
    LINNET_ASSIGN_OR_RETURN(const Snapshot snapshot, ParseSnapshot(snapshot_envelope));
    snapshot_.version = snapshot.version;
    snapshot_.expires = snapshot.expires;
    // Not by our keys: the root that replaced them came while this process was down, or a publication of it
    // was cut off.
    const bool foreign =
        !VerifyOwn(timestamp_envelope, kTimestamp).ok() || !VerifyOwn(snapshot_envelope, kSnapshot).ok();
    OfflineSet::Metadata listed;
    for (const auto& [file, meta] : snapshot.meta) {
      const std::string role = file.substr(0, file.size() - std::string_view(".json").size());
      listed_.emplace(file, meta);
      LINNET_ASSIGN_OR_RETURN(listed[role], Read(role, meta.version));
    }
    absl::StatusOr<OfflineSet> loaded = LoadRoles(listed);
    if (!loaded.ok()) {
      // A publication with a new root was cut off after the root: what it wanted is there.
      LINNET_ASSIGN_OR_RETURN(const OfflineSet::Metadata next, NewestOnDisk());
      loaded = LoadRoles(next);
      LINNET_RETURN_IF_ERROR(loaded.status());
      return Sign(*std::move(loaded), *keys_, /*new_snapshot=*/true);
    }
    if (foreign) return Sign(*std::move(loaded), *keys_, /*new_snapshot=*/true);
    offline_ = *std::move(loaded);
    return Tell(offline_, snapshot_, timestamp_, keys_->timestamp);
  }

  absl::StatusOr<Versions> Publish(const std::map<std::string, std::string>& metadata) override {
    base::MutexLock lock(mutex_);
    LINNET_ASSIGN_OR_RETURN(OfflineSet next, offline_.With(metadata, clock_.Now()));
    LINNET_ASSIGN_OR_RETURN(OnlineKeys keys, KeysFor(next));
    if (next.bytes() == offline_.bytes()) return VersionsLocked();
    for (const auto& [name, role] : next.roles()) {
      if (name == kRoot || role.version == offline_.version(name)) continue;
      LINNET_RETURN_IF_ERROR(Write(name, role.version, role.bytes));
    }
    LINNET_RETURN_IF_ERROR(Sign(std::move(next), std::move(keys), /*new_snapshot=*/true));
    return VersionsLocked();
  }

  absl::StatusOr<std::vector<TargetInfo>> Check(
      const std::map<std::string, std::string>& metadata) const override {
    base::MutexLock lock(mutex_);
    LINNET_ASSIGN_OR_RETURN(const OfflineSet next, offline_.With(metadata, clock_.Now()));
    LINNET_RETURN_IF_ERROR(KeysFor(next).status());
    return next.AllTargets();
  }

  absl::StatusOr<bool> RefreshOnlineRoles() override {
    base::MutexLock lock(mutex_);
    const absl::Time now = clock_.Now();
    // Too long: signed for a bundle, before there was a coordinator.
    const auto due = [&](absl::Time expires, absl::Duration lifetime) {
      return expires - now < lifetime / 2 || expires - now > lifetime;
    };
    const bool snapshot_due = due(snapshot_.expires, kSnapshotLifetime);
    if (!snapshot_due && !due(timestamp_.expires, kTimestampLifetime)) return false;
    LINNET_RETURN_IF_ERROR(Sign(offline_, *keys_, snapshot_due));
    return true;
  }

  absl::Status SignOnlineRoles(absl::Duration lifetime) override {
    base::MutexLock lock(mutex_);
    return Sign(offline_, *keys_, /*new_snapshot=*/true, lifetime, lifetime);
  }

  absl::StatusOr<std::string> Metadata(std::string_view role, uint64_t version) const override {
    {
      base::MutexLock lock(mutex_);
      if (role == kTimestamp) {
        if (version == 0 || version == timestamp_.version) return timestamp_.bytes;
        return NoSuch(role, version);
      }
      if (role == kSnapshot && version == snapshot_.version) return snapshot_.bytes;
      const uint64_t newest = role == kSnapshot ? snapshot_.version : offline_.version(role);
      // Above: may be lying there from a publication that was cut off.
      if (version == 0 || version > newest) return NoSuch(role, version);
      if (version == newest) return offline_.roles().at(std::string(role)).bytes;
    }
    absl::StatusOr<std::string> bytes = Read(role, version);
    return absl::IsNotFound(bytes.status()) ? NoSuch(role, version) : bytes;
  }

  std::map<std::string, std::string> Current() const override {
    base::MutexLock lock(mutex_);
    return offline_.bytes();
  }

  std::vector<TargetInfo> Targets() const override {
    base::MutexLock lock(mutex_);
    return offline_.AllTargets();
  }

  Versions versions() const override {
    base::MutexLock lock(mutex_);
    return VersionsLocked();
  }

  absl::Time timestamp_expires() const override {
    base::MutexLock lock(mutex_);
    return timestamp_.expires;
  }

 private:
  absl::StatusOr<OnlineKeys> FindKeys(const Root& root) const {
    LINNET_ASSIGN_OR_RETURN(OnlineKeys keys, find_keys_(root));
    LINNET_RETURN_IF_ERROR(CheckOnlineKey(root, kSnapshot, keys.snapshot));
    LINNET_RETURN_IF_ERROR(CheckOnlineKey(root, kTimestamp, keys.timestamp));
    return keys;
  }
  // Under the root that is in force, those in memory: what happens to their files does not matter any more.
  absl::StatusOr<OnlineKeys> KeysFor(const OfflineSet& next) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (next.root().version == offline_.root().version) return *keys_;
    return FindKeys(next.root());
  }

  absl::Status VerifyOwn(const Envelope& envelope, std::string_view role) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const Root& root = offline_.root();
    return VerifySignatures(envelope, role, root.roles.find(role)->second, root.keys);
  }

  static absl::Status NoSuch(std::string_view role, uint64_t version) {
    return absl::NotFoundError(absl::StrCat(std::string(role), ": there is no version ", version));
  }

  std::string PathOf(std::string_view role, uint64_t version) const {
    return absl::StrCat(dir_, "/", version, ".", RoleFileName(role));
  }
  absl::StatusOr<std::string> Read(std::string_view role, uint64_t version) const {
    return fs_.ReadFile(PathOf(role, version), MaxBytesOf(role));
  }
  absl::Status Write(std::string_view role, uint64_t version, std::string_view bytes) const {
    return fs_.WriteFileAtomic(PathOf(role, version), bytes, 0644);
  }

  absl::Status LoadRoots() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (true) {
      absl::StatusOr<std::string> next = Read(kRoot, offline_.root().version + 1);
      if (absl::IsNotFound(next.status())) return absl::OkStatus();
      LINNET_RETURN_IF_ERROR(next.status());
      LINNET_ASSIGN_OR_RETURN(offline_, offline_.With({{std::string(kRoot), *next}}, absl::InfinitePast()));
    }
  }

  // What was written is newer than what is shown by as much as the publication was ahead, and has all of its
  // roles: everything was verified before the first write.
  absl::StatusOr<OfflineSet::Metadata> NewestOnDisk() const {
    LINNET_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs_.List(dir_));
    const auto newest = [&](const std::string& role) {
      uint64_t version = 0, found = 0;
      const std::string suffix = absl::StrCat(".", RoleFileName(role));
      for (const std::string& name : names) {
        if (!name.ends_with(suffix)) continue;
        if (absl::SimpleAtoi(name.substr(0, name.size() - suffix.size()), &version))
          found = std::max(found, version);
      }
      return Read(role, found);
    };
    OfflineSet::Metadata out;
    std::string& targets = out[std::string(kTargets)];
    LINNET_ASSIGN_OR_RETURN(targets, newest(std::string(kTargets)));
    LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(targets));
    LINNET_ASSIGN_OR_RETURN(const trust::Targets parsed, ParseTargets(envelope));
    for (const Delegation& delegation : parsed.delegations) {
      LINNET_ASSIGN_OR_RETURN(out[delegation.name], newest(delegation.name));
    }
    return out;
  }

  // Roles of the snapshot that targets no longer delegates to stay listed there (a client that saw them would
  // take their absence for a rollback), but are not verified and not used.
  absl::StatusOr<OfflineSet> LoadRoles(const OfflineSet::Metadata& listed) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto targets = listed.find(std::string(kTargets));
    if (targets == listed.end()) return absl::FailedPreconditionError("snapshot: lists no targets.json");
    LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(targets->second));
    LINNET_ASSIGN_OR_RETURN(const trust::Targets parsed, ParseTargets(envelope));
    OfflineSet::Metadata used = {*targets};
    for (const Delegation& delegation : parsed.delegations) {
      if (const auto it = listed.find(delegation.name); it != listed.end()) used.insert(*it);
    }
    return offline_.With(used, absl::InfinitePast());
  }

  // Signs, writes and adopts `next`, whose targets roles are already written. `keys`: those of its root.
  absl::Status Sign(OfflineSet next, OnlineKeys keys, bool new_snapshot,
                    absl::Duration snapshot_lifetime = kSnapshotLifetime,
                    absl::Duration timestamp_lifetime = kTimestampLifetime)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const absl::Time now = clock_.Now();
    SignedRole snapshot = snapshot_;
    std::map<std::string, MetaFile> listed = listed_;
    if (new_snapshot) {
      for (const auto& [name, role] : next.roles()) {
        if (name != kRoot) listed[absl::StrCat(name, ".json")] = MetaFileOf(role.version, role.bytes);
      }
      snapshot.version = snapshot_.version + 1;
      snapshot.expires = now + snapshot_lifetime;
      snapshot.bytes = SignMetadata(SnapshotJson(snapshot.version, snapshot.expires, listed),
                                    std::span(&keys.snapshot, 1));
      LINNET_RETURN_IF_ERROR(Write(kSnapshot, snapshot.version, snapshot.bytes));
    }
    if (next.root().version != offline_.root().version) {
      LINNET_RETURN_IF_ERROR(Write(kRoot, next.root().version, next.roles().at(std::string(kRoot)).bytes));
      // From the last to the first: the way to the new root is found when the whole of it is there.
      for (auto step = next.root_steps().rbegin(); step != next.root_steps().rend(); ++step) {
        LINNET_RETURN_IF_ERROR(Write(kRoot, step->first, step->second));
      }
    }
    LINNET_ASSIGN_OR_RETURN(const Envelope shown, Envelope::Parse(timestamp_.bytes));
    const RoleKeys& signers = next.root().roles.find(kTimestamp)->second;
    const bool same_key = VerifySignatures(shown, kTimestamp, signers, next.root().keys).ok();
    SignedRole timestamp{.version = timestamp_.version + (same_key ? 1 : kStepToNewKey),
                         .expires = now + timestamp_lifetime};
    timestamp.bytes = SignMetadata(
        TimestampJson(timestamp.version, timestamp.expires, snapshot.version, snapshot.bytes, now),
        std::span(&keys.timestamp, 1));
    LINNET_RETURN_IF_ERROR(fs_.WriteFileAtomic(absl::StrCat(dir_, "/timestamp.json"), timestamp.bytes, 0644));
    LINNET_RETURN_IF_ERROR(Tell(next, snapshot, timestamp, keys.timestamp));
    offline_ = std::move(next);
    keys_ = std::move(keys);
    snapshot_ = std::move(snapshot);
    timestamp_ = std::move(timestamp);
    listed_ = std::move(listed);
    return absl::OkStatus();
  }

  // Cut off between the disk and here: the next Open tells it.
  absl::Status Tell(const OfflineSet& offline, const SignedRole& snapshot, const SignedRole& timestamp,
                    const base::PrivateKey& timestamp_key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!on_published_) return absl::OkStatus();
    const auto file = [](std::string_view role, uint64_t version, std::string_view bytes) -> File {
      return {std::string(role), version, std::string(base::AsView(base::Sha256(bytes)))};
    };
    std::vector<File> files;
    // Of a chain that came while this process was down, all.
    for (uint64_t version = 1; version < offline.root().version; ++version) {
      LINNET_ASSIGN_OR_RETURN(const std::string root, Read(kRoot, version));
      files.push_back(file(kRoot, version, root));
    }
    for (const auto& [name, role] : offline.roles()) files.push_back(file(name, role.version, role.bytes));
    files.push_back(file(kSnapshot, snapshot.version, snapshot.bytes));
    files.push_back(file(kTimestamp, timestamp.version, timestamp.bytes));
    return on_published_(files, timestamp_key);
  }

  Versions VersionsLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return {.root = offline_.root().version,
            .targets = offline_.version(kTargets),
            .snapshot = snapshot_.version,
            .timestamp = timestamp_.version};
  }

  base::FileSystem& fs_;
  const std::string dir_;
  const FindOnlineKeys find_keys_;
  const base::Clock& clock_;
  const OnPublished on_published_;
  mutable base::Mutex mutex_;
  OfflineSet offline_ ABSL_GUARDED_BY(mutex_);
  std::optional<OnlineKeys> keys_ ABSL_GUARDED_BY(mutex_);  // that its root names; since Load
  SignedRole snapshot_ ABSL_GUARDED_BY(mutex_);
  SignedRole timestamp_ ABSL_GUARDED_BY(mutex_);
  // What the snapshot lists: once listed, a role stays.
  std::map<std::string, MetaFile> listed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Repository>> Repository::Open(base::FileSystem& fs, std::string dir,
                                                             FindOnlineKeys find_keys,
                                                             const base::Clock& clock,
                                                             OnPublished on_published) {
  const std::string path = absl::StrCat(dir, "/1.", RoleFileName(kRoot));
  absl::StatusOr<std::string> root = fs.ReadFile(path, kMaxRootBytes);
  if (absl::IsNotFound(root.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": there is no root to start from; run linnet site init"));
  }
  LINNET_RETURN_IF_ERROR(root.status());
  LINNET_ASSIGN_OR_RETURN(OfflineSet offline, OfflineSet::FromRoot(*root));
  auto repository = std::make_unique<RepositoryImpl>(fs, std::move(dir), std::move(find_keys), clock,
                                                     std::move(on_published), std::move(offline));
  LINNET_RETURN_IF_ERROR(repository->Load());
  return repository;
}

}  // namespace linnet::trust
