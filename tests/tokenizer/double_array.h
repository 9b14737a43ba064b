#ifndef LINNET_TESTS_TOKENIZER_DOUBLE_ARRAY_H_
#define LINNET_TESTS_TOKENIZER_DOUBLE_ARRAY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace linnet::tokenizer {

// A precompiled_charsmap blob of keys and their replacements, written after darts-clone's description: small,
// and slow to make.
class DoubleArray {
 public:
  static std::string Blob(const std::map<std::string, std::string>& pairs) {
    DoubleArray array;
    array.nodes_.assign(1, 0);
    array.used_.assign(1, true);
    std::string replacements;
    std::map<std::string, uint32_t> values;
    for (const auto& [key, replacement] : pairs) {
      values[key] = static_cast<uint32_t>(replacements.size());
      replacements += replacement + '\0';
    }
    array.Place(0, values, 0);
    std::string blob;
    const auto append = [&](uint32_t value) {
      for (int i = 0; i < 4; ++i) blob.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    };
    append(static_cast<uint32_t>(array.nodes_.size() * 4));
    for (const uint32_t node : array.nodes_) append(node);
    return blob + replacements;
  }

 private:
  void Grow(uint32_t index) {
    if (index < nodes_.size()) return;
    nodes_.resize(index + 1, 0);
    used_.resize(index + 1, false);
  }

  // `keys` all begin with what leads to `node`, `depth` bytes.
  void Place(uint32_t node, const std::map<std::string, uint32_t>& keys, size_t depth) {
    std::map<uint8_t, std::map<std::string, uint32_t>> children;
    const uint32_t* value = nullptr;
    for (const auto& [key, v] : keys) {
      if (key.size() == depth) {
        value = &v;
      } else {
        children[static_cast<uint8_t>(key[depth])][key] = v;
      }
    }
    uint32_t state = 256;
    const auto fits = [&] {
      if (states_.contains(state)) return false;
      for (uint32_t c = 0; c < 256; ++c) {
        const bool wanted = c == 0 ? value != nullptr : children.contains(static_cast<uint8_t>(c));
        Grow(state ^ c);
        if (wanted && used_[state ^ c]) return false;
      }
      return true;
    };
    while (!fits()) ++state;
    states_.insert(state);
    nodes_[node] |= (node ^ state) << 10;
    if (value != nullptr) {
      nodes_[node] |= 1U << 8;
      nodes_[state] = *value | 1U << 31;
      used_[state] = true;
    }
    for (const auto& [byte, rest] : children) {
      nodes_[state ^ byte] = byte;
      used_[state ^ byte] = true;
    }
    for (const auto& [byte, rest] : children) Place(state ^ byte, rest, depth + 1);
  }

  std::vector<uint32_t> nodes_;
  std::vector<bool> used_;
  std::set<uint32_t> states_;  // a label tells a node's parent only if no two parents have one state
};

}  // namespace linnet::tokenizer

#endif  // LINNET_TESTS_TOKENIZER_DOUBLE_ARRAY_H_
