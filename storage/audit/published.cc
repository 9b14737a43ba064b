#include "storage/audit/published.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::audit {
namespace {

void AppendNumber(std::string& to, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) to += static_cast<char>((value >> shift) & 255);
}

// Canonical JSON begins with a brace: no metadata is a head, and no head is metadata.
std::string HeadMessage(const LogHead& head) {
  std::string message = "linnet-log-head-1";
  AppendNumber(message, head.size);
  return message += head.root;
}

}  // namespace

std::string LeafHashOf(const PublishedFile& file) {
  std::string entry = "linnet-published-1";
  AppendNumber(entry, file.version);
  entry += file.sha256;
  entry += file.role;
  return LeafHash(entry);
}

std::string LogHead::ToString() const { return absl::StrCat(size, ":", base::Hex(root)); }

absl::StatusOr<LogHead> SignHead(const MerkleTree& tree, const base::PrivateKey& key) {
  if (key.type() != base::KeyType::kEd25519) {
    return absl::InvalidArgumentError("heads of the log are signed with an Ed25519 timestamp key only");
  }
  LogHead head{.size = tree.size(), .root = tree.RootAt(tree.size()), .signature = ""};
  LINNET_ASSIGN_OR_RETURN(head.signature, key.Sign(HeadMessage(head)));
  return head;
}

absl::Status VerifyHead(const LogHead& head, const base::PublicKey& key) {
  if (head.size == 0 || head.size > kMostEntries || head.root.size() != kHashBytes ||
      head.signature.size() != kHeadSignatureBytes) {
    return absl::InvalidArgumentError("this is no head of a log");
  }
  if (key.type() != base::KeyType::kEd25519) {
    return absl::UnauthenticatedError("log head: the site's timestamp key is no Ed25519 key");
  }
  if (key.Verify(HeadMessage(head), head.signature).ok()) return absl::OkStatus();
  return absl::UnauthenticatedError("log head: not signed by the site's timestamp key");
}

absl::Status VerifyOneLog(const LogHead& a, const LogHead& b, const Proof& proof) {
  const LogHead& older = a.size <= b.size ? a : b;
  const LogHead& newer = a.size <= b.size ? b : a;
  return VerifyConsistency(older.size, older.root, newer.size, newer.root, proof);
}

}  // namespace linnet::audit
