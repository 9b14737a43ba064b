#include "runtime/tokenizer/charsmap.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::tokenizer {
namespace {

// NFKC's longest, of U+FDFA, has 33 bytes.
constexpr size_t kLongestReplacement = 64;
constexpr uint32_t kValueBit = 1U << 31;

uint32_t Offset(uint32_t node) { return (node >> 10 & 0x1fffff) << ((node & 1U << 9) >> 6); }
bool EndsKey(uint32_t node) { return (node >> 8 & 1U) != 0; }
uint32_t Value(uint32_t node) { return node & ~kValueBit; }

uint32_t LoadUint32(std::span<const std::byte> bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= std::to_integer<uint32_t>(bytes[i]) << (8 * i);
  return value;
}

}  // namespace

absl::StatusOr<Charsmap> Charsmap::Parse(std::span<const std::byte> blob) {
  if (blob.size() < 4)
    return absl::DataLossError(absl::StrCat("has ", blob.size(), " bytes, expected 4 or more"));
  const uint64_t nodes_bytes = LoadUint32(blob);
  if (nodes_bytes % 4 != 0 || nodes_bytes == 0 || nodes_bytes + 4 >= blob.size()) {
    return absl::DataLossError(absl::StrCat("says that its nodes take ", nodes_bytes, " bytes, of ",
                                            blob.size() - 4, " that it has"));
  }
  if (blob.back() != std::byte{0}) return absl::DataLossError("ends in a replacement that has no end");
  Charsmap map;
  map.nodes_.resize(nodes_bytes / 4);
  for (size_t i = 0; i < map.nodes_.size(); ++i) map.nodes_[i] = LoadUint32(blob.subspan(4 + 4 * i));
  const auto replacements = blob.subspan(4 + nodes_bytes);
  map.replacements_.assign(reinterpret_cast<const char*>(replacements.data()), replacements.size());
  LINNET_RETURN_IF_ERROR(map.Check());
  return map;
}

// Every node that a text can reach, so that Longest need not look twice.
absl::Status Charsmap::Check() const {
  std::vector<bool> seen(nodes_.size(), false);
  std::vector<uint32_t> states = {Offset(nodes_[0])};
  while (!states.empty()) {
    const uint32_t state = states.back();
    states.pop_back();
    for (uint32_t byte = 1; byte < 256; ++byte) {
      const auto step = Child(state, static_cast<uint8_t>(byte));
      // Keys with equal ends may share nodes.
      if (!step || seen[step->node]) continue;
      seen[step->node] = true;
      if (EndsKey(nodes_[step->node])) {
        if (step->state >= nodes_.size() || Value(nodes_[step->state]) >= replacements_.size()) {
          return absl::DataLossError(absl::StrCat("has a replacement outside, at its node ", step->node));
        }
        const size_t size = std::strlen(replacements_.c_str() + Value(nodes_[step->state]));
        if (size > kLongestReplacement) {
          return absl::DataLossError(
              absl::StrCat("has a replacement of ", size, " bytes, expected at most ", kLongestReplacement));
        }
      }
      states.push_back(step->state);
    }
  }
  return absl::OkStatus();
}

std::optional<Charsmap::Step> Charsmap::Child(uint32_t state, uint8_t byte) const {
  const uint32_t node = state ^ byte;
  if (node >= nodes_.size() || (nodes_[node] & (kValueBit | 0xff)) != byte) return std::nullopt;
  return Step{node, node ^ Offset(nodes_[node])};
}

std::optional<Charsmap::Match> Charsmap::Longest(std::string_view text) const {
  if (nodes_.empty()) return std::nullopt;
  std::optional<Match> longest;
  uint32_t state = Offset(nodes_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte == 0) break;
    const auto step = Child(state, byte);
    if (!step) break;
    state = step->state;
    if (EndsKey(nodes_[step->node])) {
      const char* replacement = replacements_.c_str() + Value(nodes_[state]);
      longest = Match{i + 1, std::string_view(replacement, std::strlen(replacement))};
    }
  }
  return longest;
}

}  // namespace linnet::tokenizer
