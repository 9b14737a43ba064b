#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/metadata.h"

namespace linnet::trust {
namespace {

// The code point at the front of `text`, which is UTF-8 (the parser saw to it), and its length.
struct CodePoint {
  uint32_t value;
  size_t size;
};
CodePoint Front(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (size == 1 || size > text.size()) return {first, 1};
  uint32_t value = first & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) value = (value << 6) | (static_cast<unsigned char>(text[i]) & 63u);
  return {value, size};
}

// `pattern` begins behind "[". Bytes of the set with its "]", and whether `c` is in it; nullopt: there is no
// end, so that "[" is a plain character.
struct SetMatch {
  size_t size;
  bool contains;
};
std::optional<SetMatch> MatchSet(std::string_view pattern, uint32_t c) {
  size_t at = 0;
  const bool negated = !pattern.empty() && pattern[0] == '!';
  if (negated) at = 1;
  const size_t close = pattern.find(']', at + 1);  // a "]" that comes first is a member
  if (close == std::string_view::npos) return std::nullopt;
  bool contains = false;
  while (at < close) {
    const CodePoint low = Front(pattern.substr(at));
    at += low.size;
    CodePoint high = low;
    if (at + 1 < close && pattern[at] == '-') {
      high = Front(pattern.substr(at + 1));
      at += 1 + high.size;
    }
    contains = contains || (low.value <= c && c <= high.value);
  }
  return SetMatch{close + 1, contains != negated};
}

// One segment against one segment. Linear in the pattern for each character: only the last "*" is ever tried
// again.
bool SegmentMatches(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    const CodePoint c = Front(text.substr(t));
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    bool matched = false;
    size_t advance = 1;
    if (p < pattern.size()) {
      std::optional<SetMatch> set;
      if (pattern[p] == '[') set = MatchSet(pattern.substr(p + 1), c.value);
      if (set) {
        matched = set->contains;
        advance = 1 + set->size;
      } else if (pattern[p] == '?') {
        matched = true;
      } else {
        const CodePoint expected = Front(pattern.substr(p));
        matched = expected.value == c.value;
        advance = expected.size;
      }
    }
    if (matched) {
      p += advance;
      t += c.size;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      star_text += Front(text.substr(star_text)).size;
      t = star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string HashHex(std::string_view path) { return base::Hex(base::Sha256(path)); }

}  // namespace

bool PathMatches(std::string_view pattern, std::string_view path) {
  while (true) {
    const size_t pattern_end = std::min(pattern.find('/'), pattern.size());
    const size_t path_end = std::min(path.find('/'), path.size());
    if (!SegmentMatches(pattern.substr(0, pattern_end), path.substr(0, path_end))) return false;
    const bool pattern_done = pattern_end == pattern.size();
    const bool path_done = path_end == path.size();
    if (pattern_done || path_done) return pattern_done && path_done;
    pattern.remove_prefix(pattern_end + 1);
    path.remove_prefix(path_end + 1);
  }
}

bool Delegation::Covers(std::string_view path) const {
  if (!hash_prefixes.empty()) {
    const std::string hash = HashHex(path);
    return std::any_of(hash_prefixes.begin(), hash_prefixes.end(),
                       [&](const std::string& prefix) { return hash.starts_with(prefix); });
  }
  return std::any_of(paths.begin(), paths.end(),
                     [&](const std::string& pattern) { return PathMatches(pattern, path); });
}

namespace {
std::string BinName(const std::string& prefix, uint32_t bit_length, uint32_t bin) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string suffix((bit_length + 3) / 4, '0');
  for (size_t i = suffix.size(); i-- > 0; bin >>= 4) suffix[i] = kDigits[bin & 15];
  return absl::StrCat(prefix, "-", suffix);
}
}  // namespace

std::string SuccinctRoles::BinOf(std::string_view path) const {
  const base::Sha256Digest hash = base::Sha256(path);
  const uint32_t first =
      (uint32_t{hash[0]} << 24) | (uint32_t{hash[1]} << 16) | (uint32_t{hash[2]} << 8) | hash[3];
  return BinName(name_prefix, bit_length, first >> (32 - bit_length));
}

bool SuccinctRoles::IsBin(std::string_view role) const {
  const size_t digits = (bit_length + 3) / 4;
  if (!role.starts_with(absl::StrCat(name_prefix, "-")) || role.size() != name_prefix.size() + 1 + digits) {
    return false;
  }
  uint64_t bin = 0;
  for (const char c : role.substr(name_prefix.size() + 1)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'a' && c <= 'f')) return false;
    bin = bin * 16 + static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return bin < (uint64_t{1} << bit_length);
}

const RoleKeys* Targets::KeysOf(std::string_view role) const {
  if (succinct) return succinct->IsBin(role) ? &succinct->keys : nullptr;
  for (const Delegation& delegation : delegations) {
    if (delegation.name == role) return &delegation.keys;
  }
  return nullptr;
}

std::vector<std::string> SignersOf(const Envelope& envelope, const RoleKeys& role, const Keys& keys) {
  std::set<std::string> identities;  // by the key itself: one key under two ids counts once
  std::vector<std::string> signers;
  for (const Signature& signature : envelope.signatures) {
    if (std::find(role.keyids.begin(), role.keyids.end(), signature.keyid) == role.keyids.end()) continue;
    const auto it = keys.find(signature.keyid);
    if (it == keys.end() || !it->second.key || identities.contains(it->second.identity)) continue;
    if (!it->second.key->Verify(envelope.canonical, signature.bytes).ok()) continue;
    identities.insert(it->second.identity);
    signers.push_back(signature.keyid);
  }
  return signers;
}

absl::Status VerifySignatures(const Envelope& envelope, std::string_view role_name, const RoleKeys& role,
                              const Keys& keys) {
  const size_t signers = SignersOf(envelope, role, keys).size();
  if (signers >= role.threshold) return absl::OkStatus();
  return absl::UnauthenticatedError(absl::StrCat(std::string(role_name), ": signed by ", signers, " of the ",
                                                 role.threshold, " keys that it needs"));
}

absl::Status VerifyBytes(std::string_view what, std::string_view bytes, std::optional<uint64_t> length,
                         const Hashes& hashes) {
  const std::string name(what);
  if (length && bytes.size() != *length) {
    return absl::FailedPreconditionError(
        absl::StrCat(name, ": has ", bytes.size(), " bytes, ", *length, " were signed"));
  }
  for (const auto& [algorithm, expected] : hashes) {
    std::string actual;
    if (algorithm == "sha256") {
      actual = HashHex(bytes);
    } else if (algorithm == "sha512") {
      actual = base::Sha512Hex(bytes);
    } else {
      return absl::FailedPreconditionError(
          absl::StrCat(name, ": hashed with \"", algorithm, "\", sha256 or sha512 is expected"));
    }
    if (actual != expected) {
      return absl::FailedPreconditionError(
          absl::StrCat(name, ": its ", algorithm, " is ", actual, ", ", expected, " was signed"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<TargetInfo> MakeTargetInfo(std::string_view path, std::string_view role,
                                          const TargetFile& file) {
  TargetInfo info{.path = std::string(path), .role = std::string(role), .length = file.length};
  info.custom_json = file.custom_json;
  for (const auto& [algorithm, hex] : file.hashes) {
    const std::optional<std::string> bytes = base::UnHex(hex);
    const bool is_256 = algorithm == "sha256";
    if (!is_256 && algorithm != "sha512") {
      return absl::DataLossError(absl::StrCat(info.role, ", \"", info.path, "\": hashed with \"", algorithm,
                                              "\", sha256 or sha512 is expected"));
    }
    if (!bytes || bytes->size() != (is_256 ? 32u : 64u)) {
      return absl::DataLossError(
          absl::StrCat(info.role, ", \"", info.path, "\": its ", algorithm, " is malformed"));
    }
    (is_256 ? info.sha256 : info.sha512) = *bytes;
  }
  return info;
}

}  // namespace linnet::trust
