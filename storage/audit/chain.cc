#include "storage/audit/chain.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"

namespace linnet::audit {
namespace {

constexpr size_t kHashBytes = 32;

void AppendNumber(std::string& to, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) to += static_cast<char>((value >> shift) & 255);
}

}  // namespace

std::string HashOf(std::string_view previous, const Entry& entry) {
  std::string bytes(previous);
  AppendNumber(bytes, entry.id);
  AppendNumber(bytes, static_cast<uint64_t>(absl::ToUnixMicros(entry.time)));
  for (const std::string* text : {&entry.actor, &entry.action, &entry.subject}) {
    AppendNumber(bytes, text->size());
    bytes += *text;
  }
  return std::string(base::AsView(base::Sha256(bytes)));
}

std::string Head::ToString() const { return absl::StrCat(id, ":", base::Hex(hash)); }

absl::StatusOr<Head> Head::Parse(std::string_view text) {
  Head head;
  const size_t colon = text.find(':');
  const std::string number(text.substr(0, colon));
  const std::optional<std::string> hash =
      colon == std::string_view::npos ? std::nullopt : base::UnHex(text.substr(colon + 1));
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || !absl::SimpleAtoi(number, &head.id) || !hash.has_value() ||
      hash->size() != (head.id == 0 ? 0 : kHashBytes)) {
    return absl::InvalidArgumentError(
        "a head is NUMBER:HASH with 64 hex digits, as `linnet audit verify` printed it");
  }
  head.hash = *hash;
  return head;
}

absl::Status Walk::Next(const Entry& entry) {
  const uint64_t expected = head_.id + 1;
  if (entry.id > expected) {
    return absl::DataLossError(
        absl::StrCat("audit entry ", expected, " is missing: entry ", entry.id, " follows ", head_.id));
  }
  if (entry.id < expected) {
    return absl::DataLossError(absl::StrCat("audit entry ", expected, " is expected, entry ", entry.id,
                                            " stands there: it is there ", "twice or out of order"));
  }
  if (entry.hash != HashOf(head_.hash, entry)) {
    return absl::DataLossError(absl::StrCat("audit entry ", entry.id,
                                            " does not continue the chain: it, or the hash of the entry "
                                            "before it, was changed"));
  }
  head_ = {entry.id, entry.hash};
  if (kept_.has_value() && kept_->id == head_.id && kept_->hash != head_.hash) {
    return absl::DataLossError(absl::StrCat("audit entry ", entry.id,
                                            " is not the one that was kept as head: this entry or an "
                                            "earlier one was written anew"));
  }
  return absl::OkStatus();
}

absl::Status Walk::End() const {
  if (!kept_.has_value() || kept_->id <= head_.id) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the audit ends at entry ", head_.id, ", entry ", kept_->id,
                                          " was kept as head: its tail is lost"));
}

}  // namespace linnet::audit
