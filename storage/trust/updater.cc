#include "storage/trust/updater.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/metadata.h"
#include "storage/trust/trusted_set.h"

namespace linnet::trust {
namespace {

// Says where foreign bytes came from, and keeps the code.
absl::Status While(std::string_view doing, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(std::string(doing), ": ", base::Message(status)));
}

class UpdaterImpl final : public Updater {
 public:
  UpdaterImpl(TrustStore& store, absl::Time start, TrustedSet set)
      : store_(store), start_(start), set_(std::move(set)) {}

  absl::Status Refresh(MetadataFetcher& fetcher) override {
    refreshed_ = false;
    if (set_.timestamp()) {  // a second refresh begins from what is stored, as the first did
      LINNET_ASSIGN_OR_RETURN(set_, LoadStored(store_, start_));
    }
    LINNET_RETURN_IF_ERROR(UpdateRoot(fetcher));
    LINNET_RETURN_IF_ERROR(UpdateTimestamp(fetcher));
    LINNET_RETURN_IF_ERROR(UpdateSnapshot(fetcher));
    LINNET_RETURN_IF_ERROR(LoadTargets(kTargets, kRoot, fetcher));
    refreshed_ = true;
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<TargetInfo>> FindTarget(std::string_view path,
                                                       MetadataFetcher& fetcher) override {
    if (!refreshed_) LINNET_RETURN_IF_ERROR(Refresh(fetcher));
    // Pre-order, depth first (§5.6.7): the stack holds what is still to visit, the next one last.
    struct Visit {
      std::string role, delegator;
    };
    std::vector<Visit> to_visit = {{std::string(kTargets), std::string(kRoot)}};
    std::set<std::string> visited;
    while (!to_visit.empty() && visited.size() <= kMaxDelegations) {
      const Visit visit = std::move(to_visit.back());
      to_visit.pop_back();
      if (!visited.insert(visit.role).second) continue;
      LINNET_RETURN_IF_ERROR(LoadTargets(visit.role, visit.delegator, fetcher));
      const Targets& targets = *set_.targets(visit.role);
      if (const auto it = targets.targets.find(path); it != targets.targets.end()) {
        LINNET_ASSIGN_OR_RETURN(TargetInfo info, MakeTargetInfo(path, visit.role, it->second));
        return std::optional<TargetInfo>(std::move(info));
      }
      std::vector<Visit> children;
      if (targets.succinct) {
        to_visit.clear();  // bins are terminating (TAP 15)
        children.push_back({targets.succinct->BinOf(path), visit.role});
      }
      for (const Delegation& delegation : targets.delegations) {
        if (!delegation.Covers(path)) continue;
        children.push_back({delegation.name, visit.role});
        if (delegation.terminating) {
          to_visit.clear();
          break;
        }
      }
      std::move(children.rbegin(), children.rend(), std::back_inserter(to_visit));
    }
    return std::nullopt;
  }

  uint64_t version(std::string_view role) const override {
    if (const uint64_t loaded = set_.version(role); loaded != 0) return loaded;
    if (role != kTimestamp || refreshed_) return 0;
    // Not refreshed yet: what the last refresh left.
    const auto stored = store_.Load(role);
    if (!stored.ok() || !*stored) return 0;
    TrustedSet copy = set_;
    return copy.LoadTimestamp(**stored).ok() ? copy.version(role) : 0;
  }

  static absl::StatusOr<TrustedSet> LoadStored(TrustStore& store, absl::Time start) {
    LINNET_ASSIGN_OR_RETURN(const std::optional<std::string> root, store.Load(kRoot));
    if (!root) {
      return absl::FailedPreconditionError(
          "there is no trusted root.json to start from; enrol or install one first");
    }
    return TrustedSet::Create(*root, start);
  }

 private:
  absl::Status UpdateRoot(MetadataFetcher& fetcher) {
    for (int i = 0; i < kMaxRootRotations; ++i) {
      const uint64_t next = set_.root().version + 1;
      const absl::StatusOr<std::string> bytes = fetcher.Fetch(kRoot, next, kMaxRootBytes);
      if (absl::IsNotFound(bytes.status())) break;
      LINNET_RETURN_IF_ERROR(While("root", bytes.status()));
      TrustedSet updated = set_;
      LINNET_ASSIGN_OR_RETURN(const TrustedSet::RootChange change, updated.UpdateRoot(*bytes));
      // Deleted before the root is saved, so that a power cut between the two cannot leave metadata of keys
      // that were taken away (§5.3.11).
      if (change.online_keys_rotated) {
        LINNET_RETURN_IF_ERROR(store_.Delete(kTimestamp));
        LINNET_RETURN_IF_ERROR(store_.Delete(kSnapshot));
      }
      LINNET_RETURN_IF_ERROR(store_.Save(kRoot, *bytes));
      set_ = std::move(updated);
    }
    return set_.CheckRoot();
  }

  // Stored bytes; nullopt when there are none or they cannot be read (a torn disk is no reason not to
  // refresh). ResourceExhausted: they are there, and this process cannot open files now; to go on without
  // them would be to take an older role for news.
  absl::StatusOr<std::optional<std::string>> Stored(std::string_view role) const {
    absl::StatusOr<std::optional<std::string>> bytes = store_.Load(role);
    if (bytes.ok()) return bytes;
    base::Log(base::Severity::kWarning, "trust-store-unreadable",
              {{"role", base::LogValue::Id(role)}, {"error", base::LogValue::Error(bytes.status())}});
    if (absl::IsResourceExhausted(bytes.status())) return bytes.status();
    return std::nullopt;
  }

  absl::Status UpdateTimestamp(MetadataFetcher& fetcher) {
    // One that does not verify under the current root counts for nothing.
    LINNET_ASSIGN_OR_RETURN(const std::optional<std::string> stored, Stored(kTimestamp));
    if (stored.has_value()) set_.LoadTimestamp(*stored).IgnoreError();
    LINNET_ASSIGN_OR_RETURN(const std::string bytes, Fetched(fetcher, kTimestamp, 0, kMaxTimestampBytes));
    LINNET_ASSIGN_OR_RETURN(const bool newer, set_.UpdateTimestamp(bytes));
    return newer ? store_.Save(kTimestamp, bytes) : absl::OkStatus();
  }

  absl::Status UpdateSnapshot(MetadataFetcher& fetcher) {
    LINNET_ASSIGN_OR_RETURN(const std::optional<std::string> stored, Stored(kSnapshot));
    if (stored.has_value()) {
      const absl::StatusOr<bool> usable = set_.LoadSnapshot(*stored);
      if (usable.ok() && *usable) return absl::OkStatus();
    }
    const MetaFile& meta = set_.timestamp()->snapshot;
    LINNET_ASSIGN_OR_RETURN(const std::string bytes, FetchedAs(fetcher, kSnapshot, meta));
    LINNET_RETURN_IF_ERROR(set_.UpdateSnapshot(bytes));
    return store_.Save(kSnapshot, bytes);
  }

  // Puts `role` into the set, by the keys of `delegator`: it may be there already, signed by the keys of
  // another.
  absl::Status LoadTargets(std::string_view role, std::string_view delegator, MetadataFetcher& fetcher) {
    if (set_.targets(role) != nullptr && set_.CheckDelegation(role, delegator).ok()) return absl::OkStatus();
    LINNET_ASSIGN_OR_RETURN(const MetaFile meta, set_.MetaOf(role));
    LINNET_ASSIGN_OR_RETURN(const std::optional<std::string> stored, Stored(role));
    if (stored.has_value()) {
      if (set_.UpdateTargets(role, delegator, *stored).ok()) return absl::OkStatus();
    }
    LINNET_ASSIGN_OR_RETURN(const std::string bytes, FetchedAs(fetcher, role, meta));
    LINNET_RETURN_IF_ERROR(set_.UpdateTargets(role, delegator, bytes));
    return store_.Save(role, bytes);
  }

  static absl::StatusOr<std::string> Fetched(MetadataFetcher& fetcher, std::string_view role,
                                             uint64_t version, uint64_t max_bytes) {
    absl::StatusOr<std::string> bytes = fetcher.Fetch(role, version, max_bytes);
    LINNET_RETURN_IF_ERROR(While(role, bytes.status()));
    if (bytes->size() > max_bytes) {  // a fetcher that did not keep its promise
      return absl::ResourceExhaustedError(absl::StrCat(std::string(role), ": has ", bytes->size(),
                                                       " bytes, at most ", max_bytes, " expected"));
    }
    return bytes;
  }

  absl::StatusOr<std::string> FetchedAs(MetadataFetcher& fetcher, std::string_view role,
                                        const MetaFile& meta) {
    const uint64_t most = std::min(meta.length.value_or(MaxBytesOf(role)), MaxBytesOf(role));
    return Fetched(fetcher, role, set_.root().consistent_snapshot ? meta.version : 0, most);
  }

  TrustStore& store_;
  const absl::Time start_;
  TrustedSet set_;
  bool refreshed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Updater>> Updater::Open(TrustStore& store, absl::Time start) {
  LINNET_ASSIGN_OR_RETURN(TrustedSet set, UpdaterImpl::LoadStored(store, start));
  return std::make_unique<UpdaterImpl>(store, start, std::move(set));
}

}  // namespace linnet::trust
