#include "agent/update/witness.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/metadata.h"

namespace linnet::update {
namespace {

using repo::LogEvidence;

}  // namespace

absl::StatusOr<std::vector<Witness::Key>> Witness::Keys() const {
  LINNET_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, trust_.Load(trust::kRoot));
  std::vector<Key> keys;
  if (!bytes.has_value()) return keys;
  LINNET_ASSIGN_OR_RETURN(const trust::Envelope envelope, trust::Envelope::Parse(*bytes));
  LINNET_ASSIGN_OR_RETURN(const trust::Root root, trust::ParseRoot(envelope));
  for (const base::PublicKey& key : trust::KeysOfRole(root, trust::kTimestamp)) {
    if (key.type() == base::KeyType::kEd25519) keys.push_back({key.Raw(), key});
  }
  return keys;
}

absl::StatusOr<std::string> Witness::SignerOf(const audit::LogHead& head, const std::vector<Key>& keys) {
  absl::Status why = absl::UnauthenticatedError("log head: this device trusts no site's timestamp key");
  for (const Key& key : keys) {
    why = audit::VerifyHead(head, key.key);
    if (why.ok()) return key.raw;
  }
  return why;
}

absl::StatusOr<audit::PublishedFile> Witness::Accepted(std::string_view role) const {
  LINNET_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, trust_.Load(role));
  if (!bytes.has_value()) {
    return absl::UnavailableError(absl::StrCat("there is no ", std::string(role), ".json here yet"));
  }
  LINNET_ASSIGN_OR_RETURN(const trust::Envelope envelope, trust::Envelope::Parse(*bytes));
  audit::PublishedFile file{
      .role = std::string(role), .version = 0, .sha256 = std::string(base::AsView(base::Sha256(*bytes)))};
  if (role == trust::kTimestamp) {
    LINNET_ASSIGN_OR_RETURN(const trust::Timestamp timestamp, trust::ParseTimestamp(envelope));
    file.version = timestamp.version;
  } else {
    LINNET_ASSIGN_OR_RETURN(const trust::Snapshot snapshot, trust::ParseSnapshot(envelope));
    file.version = snapshot.version;
  }
  return file;
}

std::optional<audit::LogHead> Witness::Newest() {
  const absl::StatusOr<State> state = Show();
  return state.ok() ? state->newest : std::nullopt;
}

absl::StatusOr<Witness::State> Witness::Show() {
  LINNET_ASSIGN_OR_RETURN(const std::vector<Key> keys, Keys());
  State out;
  LINNET_RETURN_IF_ERROR(state_.Read([&]() -> absl::Status {
    repo::LogHeads heads(state_.db());
    for (const Key& key : keys) {
      LINNET_ASSIGN_OR_RETURN(const std::optional<audit::LogHead> head, heads.Newest(key.raw));
      if (head.has_value() && (!out.newest.has_value() || out.newest->size < head->size)) out.newest = head;
    }
    LINNET_ASSIGN_OR_RETURN(out.evidence, heads.Evidence());
    return absl::OkStatus();
  }));
  for (const LogEvidence& evidence : out.evidence) {
    const bool counts =
        std::any_of(keys.begin(), keys.end(), [&](const Key& key) { return key.raw == evidence.key; });
    if (counts && !out.holding.has_value()) out.holding = evidence;
  }
  return out;
}

bool Witness::HasUnproved() {
  const absl::StatusOr<std::vector<Key>> keys = Keys();
  if (!keys.ok()) return false;
  bool any = false;
  state_
      .Read([&]() -> absl::Status {
        repo::LogHeads heads(state_.db());
        for (const Key& key : *keys) {
          LINNET_ASSIGN_OR_RETURN(const std::vector<audit::LogHead> some, heads.Unproved(key.raw));
          any |= !some.empty();
        }
        return absl::OkStatus();
      })
      .IgnoreError();
  return any;
}

absl::Status Witness::Keep(repo::LogHeads& heads, LogEvidence::Kind kind, const Held& first,
                           const audit::LogHead& second) {
  LINNET_ASSIGN_OR_RETURN(
      const bool added,
      heads.AddEvidence(
          {.kind = kind, .key = first.key, .first = first.head, .second = second, .noticed = clock_.Now()}));
  if (!added) return absl::OkStatus();
  base::Log(base::Severity::kError, "coordinator_shows_two_logs",
            {{"kind", static_cast<int64_t>(kind)},
             {"first", base::LogValue::Id(first.head.ToString())},
             {"second", base::LogValue::Id(second.ToString())}});
  return absl::OkStatus();
}

void Witness::Heard(const audit::LogHead& head) {
  const absl::StatusOr<std::vector<Key>> keys = Keys();
  if (!keys.ok()) return;
  const absl::StatusOr<std::string> signer = SignerOf(head, *keys);
  if (!signer.ok()) return;  // nobody's word; a peer of an older or newer root, perhaps
  const absl::Status kept = state_.Write([&]() -> absl::Status {
    repo::LogHeads heads(state_.db());
    LINNET_ASSIGN_OR_RETURN(const std::optional<audit::LogHead> newest, heads.Newest(*signer));
    LINNET_ASSIGN_OR_RETURN(std::vector<audit::LogHead> known, heads.Unproved(*signer));
    if (newest.has_value()) known.push_back(*newest);
    for (const audit::LogHead& other : known) {
      if (other.SameLog(head)) return absl::OkStatus();
      if (other.size == head.size) return Keep(heads, LogEvidence::Kind::kSplit, {*signer, other}, head);
    }
    return heads.AddUnproved(*signer, head);
  });
  if (!kept.ok()) {
    base::Log(base::Severity::kWarning, "log_head_not_kept", {{"error", base::LogValue::Error(kept)}});
  }
}

absl::Status Witness::CheckIncluded(const audit::PublishedFile& file, const LogInclusion& shown,
                                    const audit::LogHead& head) {
  const absl::Status included =
      audit::VerifyInclusion(audit::LeafHashOf(file), shown.index, head.size, head.root, shown.proof);
  if (included.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the coordinator's log does not show the ", file.role, " ", file.version,
                   " that this device holds; no plan is followed meanwhile"));
}

absl::Status Witness::Check(Link& link, uint64_t log_size) {
  LINNET_ASSIGN_OR_RETURN(const std::vector<Key> keys, Keys());
  std::vector<Held> known;  // the newest of each key, then what others showed
  const absl::Status read = state_.Write([&]() -> absl::Status {
    repo::LogHeads heads(state_.db());
    std::vector<std::string> raw;
    for (const Key& key : keys) raw.push_back(key.raw);
    LINNET_RETURN_IF_ERROR(heads.ForgetOthers(raw));
    for (const std::string& key : raw) {
      LINNET_ASSIGN_OR_RETURN(const std::optional<audit::LogHead> newest, heads.Newest(key));
      LINNET_ASSIGN_OR_RETURN(const std::vector<audit::LogHead> unproved, heads.Unproved(key));
      if (newest.has_value()) known.push_back({key, *newest});
      for (const audit::LogHead& head : unproved) known.push_back({key, head});
    }
    return absl::OkStatus();
  });
  LINNET_RETURN_IF_ERROR(read);
  if (log_size == 0) {
    if (known.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "the coordinator shows the log of what it published no more; no plan is followed meanwhile");
  }
  LINNET_ASSIGN_OR_RETURN(const audit::PublishedFile timestamp, Accepted(trust::kTimestamp));
  LINNET_ASSIGN_OR_RETURN(const audit::PublishedFile snapshot, Accepted(trust::kSnapshot));
  LogQuestion question{
      .old_sizes = {}, .timestamp_version = timestamp.version, .snapshot_version = snapshot.version};
  for (const Held& held : known) question.old_sizes.push_back(held.head.size);
  LINNET_ASSIGN_OR_RETURN(const LogAnswer answer, link.ShowLog(question));
  LINNET_ASSIGN_OR_RETURN(const std::string signer, SignerOf(answer.head, keys));
  bool one_log = true;
  const absl::Status kept = state_.Write([&]() -> absl::Status {
    repo::LogHeads heads(state_.db());
    for (size_t i = 0; i < known.size(); ++i) {
      const Held& held = known[i];
      const audit::Proof proof = i < answer.grown.size() ? answer.grown[i] : audit::Proof();
      // One that is larger than what is shown now was taken back.
      const bool grown =
          held.head.size <= answer.head.size && audit::VerifyOneLog(held.head, answer.head, proof).ok();
      if (!grown) {
        one_log = false;
        const bool split = held.head.size == answer.head.size;
        LINNET_RETURN_IF_ERROR(
            Keep(heads, split ? LogEvidence::Kind::kSplit : LogEvidence::Kind::kNotGrown, held, answer.head));
      }
      LINNET_RETURN_IF_ERROR(heads.RemoveUnproved(held.key, held.head));
    }
    return one_log ? heads.SetNewest(signer, answer.head) : absl::OkStatus();
  });
  LINNET_RETURN_IF_ERROR(kept);
  if (!one_log) return absl::OkStatus();  // kept; MayInstall says so
  LINNET_RETURN_IF_ERROR(CheckIncluded(timestamp, answer.timestamp, answer.head));
  return CheckIncluded(snapshot, answer.snapshot, answer.head);
}

absl::Status Witness::MayInstall() {
  LINNET_ASSIGN_OR_RETURN(const State state, Show());
  if (!state.holding.has_value()) return absl::OkStatus();
  const LogEvidence& evidence = *state.holding;
  return absl::PermissionDeniedError(absl::StrCat(
      "the coordinator has signed two states of its log that exclude each other (",
      evidence.first.ToString().substr(0, 24), "... and ", evidence.second.ToString().substr(0, 24),
      "...): it does not show all devices the same. No plan of it is followed until the site has a new "
      "timestamp key, or this device's owner says linnet device forget-log"));
}

absl::Status Witness::Forget() {
  return state_.Write([&] { return repo::LogHeads(state_.db()).Forget(); });
}

}  // namespace linnet::update
