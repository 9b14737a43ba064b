#include "runtime/tokenizer/special_splitter.h"

#include <algorithm>
#include <queue>
#include <tuple>

#include "absl/strings/ascii.h"

namespace linnet::tokenizer {

std::vector<Fragment> SpecialSplitter::Split(std::string_view text, bool parse_special,
                                             const std::vector<TextRange>* trusted) const {
  const IdList& sorted = parse_special ? vocabulary_.when_parsing() : vocabulary_.always();
  if (sorted.empty() || text.empty()) {
    return text.empty() ? std::vector<Fragment>() : std::vector<Fragment>{{text}};
  }
  // Longest first; of equal lengths the lower id, then the leftmost.
  using Match = std::tuple<size_t, TokenId, size_t>;  // size, -id, -position: a max-heap's order
  std::priority_queue<Match> matches;
  // How many bytes from `at` on control tokens may take.
  const auto room = [&](size_t at) -> size_t {
    if (trusted == nullptr) return text.size();
    const auto range = std::upper_bound(trusted->begin(), trusted->end(), at,
                                        [](size_t i, const TextRange& r) { return i < r.end; });
    return range == trusted->end() || at < range->begin ? 0 : range->end - at;
  };
  const auto add = [&](size_t at, size_t most) {
    auto id =
        vocabulary_.LongestPrefix(sorted, text.substr(at, parse_special ? std::min(most, room(at)) : most));
    if (parse_special && trusted != nullptr) {
      const auto plain = vocabulary_.LongestPrefix(vocabulary_.always(), text.substr(at, most));
      if (plain && (!id || vocabulary_.text(*plain).size() > vocabulary_.text(*id).size())) id = plain;
    }
    if (id) matches.emplace(vocabulary_.text(*id).size(), -*id, text.size() - at);
  };
  for (size_t at = 0; at < text.size(); ++at) add(at, text.size());
  if (matches.empty()) return {{text}};

  std::vector<bool> taken(text.size(), false);
  struct Found {
    size_t begin, end;  // with the white space that goes with the token
    size_t at;
    TokenId id;
    bool operator<(const Found& other) const { return at < other.at; }
  };
  std::vector<Found> found;
  while (!matches.empty()) {
    const auto [size, minus_id, from_end] = matches.top();
    matches.pop();
    const size_t at = text.size() - from_end;
    if (taken[at]) continue;
    // What other tokens took already is at least as long, so looking at both ends is enough; white space that
    // they took may be shorter.
    size_t free = vocabulary_.any_strips() ? 1 : size - 1;
    while (free < size && !taken[at + free]) ++free;
    if (free < size) {
      add(at, free);
      continue;
    }
    Found token = {at, at + size, at, -minus_id};
    const auto strip = [&](size_t i) {
      return !taken[i] && absl::ascii_isspace(static_cast<uint8_t>(text[i]));
    };
    if (vocabulary_.strips_left(token.id)) {
      while (token.begin > 0 && strip(token.begin - 1)) --token.begin;
    }
    if (vocabulary_.strips_right(token.id)) {
      while (token.end < text.size() && strip(token.end)) ++token.end;
    }
    std::fill(taken.begin() + static_cast<ptrdiff_t>(token.begin),
              taken.begin() + static_cast<ptrdiff_t>(token.end), true);
    found.push_back(token);
  }
  std::sort(found.begin(), found.end());
  std::vector<Fragment> fragments;
  size_t done = 0;
  for (const Found& token : found) {
    if (token.begin > done) fragments.push_back({text.substr(done, token.begin - done)});
    fragments.push_back({text.substr(token.at, vocabulary_.text(token.id).size()), token.id});
    done = token.end;
  }
  if (done < text.size()) fragments.push_back({text.substr(done)});
  return fragments;
}

}  // namespace linnet::tokenizer
