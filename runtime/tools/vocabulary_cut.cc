#include "runtime/tools/vocabulary_cut.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/tokenizer/byte_names.h"
#include "runtime/tokenizer/utf8.h"
#include "runtime/tools/script_classes.h"

namespace linnet::tools {
namespace {

constexpr char kTokens[] = "tokenizer.ggml.tokens";
constexpr char kTypes[] = "tokenizer.ggml.token_type";
constexpr char kMerges[] = "tokenizer.ggml.merges";
// tokenizer.ggml.token_type
constexpr int64_t kNormal = 1, kUnused = 5;
constexpr uint32_t kMostCode = 0x10ffff;

// Pieces of characters, 1 to 3 bytes each.
class ByteParts {
 public:
  void Add(std::string_view bytes) { parts_.insert(Key(bytes)); }
  bool Has(std::string_view bytes) const { return parts_.contains(Key(bytes)); }

 private:
  static uint32_t Key(std::string_view bytes) {
    uint32_t key = static_cast<uint32_t>(bytes.size());
    for (const char c : bytes) key = key << 8 | static_cast<unsigned char>(c);
    return key;
  }
  std::unordered_set<uint32_t> parts_;
};

// Can bytes be part of a text whose characters are all of the allowed scripts?
class PartOfText {
 public:
  explicit PartOfText(const ScriptSet& allowed) : allowed_(allowed) {
    for (uint32_t code = 0x80; code <= kMostCode; ++code) {
      if ((code >= 0xd800 && code <= 0xdfff) || !allowed_[ScriptClassOf(code)]) continue;
      std::string character;
      tokenizer::AppendUtf8(character, code);
      const std::string_view c = character;
      for (size_t from = 0; from < c.size(); ++from) {
        for (size_t size = 1; from + size <= c.size() && size < c.size(); ++size) {
          const std::string_view part = c.substr(from, size);
          if (from == 0) starts_.Add(part);
          if (from + size == c.size()) ends_.Add(part);
          inside_.Add(part);
        }
      }
    }
  }

  bool operator()(std::string_view bytes) const {
    size_t at = 0;
    while (at < bytes.size() && at < 3 && Continues(bytes[at])) ++at;
    if (at == bytes.size()) return at == 0 || inside_.Has(bytes);
    if (at > 0 && !ends_.Has(bytes.substr(0, at))) return false;
    while (at < bytes.size()) {
      const tokenizer::Decoded c = tokenizer::DecodeUtf8(bytes, at);
      if (c.valid) {
        if (!allowed_[ScriptClassOf(c.code)]) return false;
        at += c.size;
        continue;
      }
      const std::string_view rest = bytes.substr(at);
      return c.cut && rest.size() <= 3 && starts_.Has(rest);
    }
    return true;
  }

 private:
  static bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
  const ScriptSet allowed_;
  ByteParts starts_, ends_, inside_;
};

// The bytes that a token of a byte-level vocabulary stands for; false when it is written otherwise.
bool NamedBytes(std::string_view text, const std::unordered_map<std::string, char>& bytes, std::string& out) {
  out.clear();
  for (size_t at = 0; at < text.size();) {
    const tokenizer::Decoded c = tokenizer::DecodeUtf8(text, at);
    const auto named = bytes.find(std::string(text.substr(at, c.size)));
    if (named == bytes.end()) return false;
    out += named->second;
    at += c.size;
  }
  return true;
}

// Ids that keys name, wherever they are: "..._token_id" and "..._token_ids".
bool IsTokenIdKey(std::string_view key) { return key.ends_with("_token_id"); }
bool IsTokenIdsKey(std::string_view key) { return key.ends_with("_token_ids"); }

class Cutter {
 public:
  Cutter(const gguf::GgufFile& file, const tokenizer::Tokenizer& tokenizer)
      : file_(file), tokenizer_(tokenizer) {}

  absl::StatusOr<VocabularyCut> Cut(std::string_view corpus) {
    LINNET_ASSIGN_OR_RETURN(texts_, file_.GetStringArray(kTokens));
    types_.assign(texts_.size(), kNormal);
    if (file_.Has(kTypes)) {
      LINNET_ASSIGN_OR_RETURN(types_, file_.GetIntArray(kTypes));
      if (types_.size() != texts_.size()) {
        return absl::DataLossError(absl::StrCat(file_.path(), ": ", kTypes, " has ", types_.size(),
                                                " entries for ", texts_.size(), " tokens"));
      }
    }
    LINNET_ASSIGN_OR_RETURN(const std::string_view model, file_.GetString("tokenizer.ggml.model"));
    byte_level_ = model == "gpt2";

    const ScriptSet scripts = Allowed(corpus);
    LINNET_RETURN_IF_ERROR(KeepNamed());
    KeepPartsOf(scripts);
    VocabularyCut cut;
    cut.new_ids.assign(texts_.size(), -1);
    for (size_t id = 0; id < texts_.size(); ++id) {
      if (!keep_[id]) continue;
      cut.new_ids[id] = static_cast<int32_t>(cut.kept.size());
      cut.kept.push_back(static_cast<int32_t>(id));
    }
    for (uint8_t script = 1; script < kMostClasses; ++script) {
      if (scripts[script]) cut.scripts.emplace_back(ScriptClassName(script));
    }
    return cut;
  }

 private:
  // Of the corpus as it stands, and as the tokenizer normalizes it.
  ScriptSet Allowed(std::string_view corpus) const {
    ScriptSet scripts = ScriptsOf(corpus);
    const auto ids = tokenizer_.Encode(corpus, {.add_special = false});
    scripts |= ScriptsOf(tokenizer_.Decode(ids));
    scripts.set(kCommon);
    return scripts;
  }

  absl::Status KeepNamed() {
    keep_.assign(texts_.size(), false);
    const auto keep = [&](int64_t id) {
      if (id >= 0 && static_cast<size_t>(id) < keep_.size()) keep_[static_cast<size_t>(id)] = true;
    };
    for (const std::string_view key : file_.Keys()) {
      if (IsTokenIdKey(key)) {
        if (const auto id = file_.GetInt(key); id.ok()) keep(*id);
      } else if (IsTokenIdsKey(key)) {
        LINNET_ASSIGN_OR_RETURN(const auto ids, file_.GetIntArray(key));
        for (const int64_t id : ids) keep(id);
      }
    }
    for (const tokenizer::TokenId id : tokenizer_.end_tokens()) keep(id);
    for (size_t id = 0; id < texts_.size(); ++id) {
      const bool ordinary = types_[id] == kNormal || types_[id] == kUnused;
      if (!ordinary || tokenizer_.IsControl(static_cast<tokenizer::TokenId>(id))) keep_[id] = true;
    }
    return absl::OkStatus();
  }

  void KeepPartsOf(const ScriptSet& scripts) {
    const PartOfText part(scripts);
    std::unordered_map<std::string, char> bytes;
    for (size_t b = 0; b < 256; ++b) bytes[tokenizer::ByteNames()[b]] = static_cast<char>(b);
    std::string named;
    for (size_t id = 0; id < texts_.size(); ++id) {
      if (keep_[id] || types_[id] == kUnused) continue;
      if (byte_level_) {
        keep_[id] = !NamedBytes(texts_[id], bytes, named) || named.size() == 1 || part(named);
      } else {
        keep_[id] = part(texts_[id]);
      }
    }
  }

  const gguf::GgufFile& file_;
  const tokenizer::Tokenizer& tokenizer_;
  std::vector<std::string_view> texts_;
  std::vector<int64_t> types_;
  bool byte_level_ = false;
  std::vector<bool> keep_;
};

// The stored elements of an array of one entry a token, for the tokens that stay.
std::string Selected(const gguf::StoredValue& array, const std::vector<int32_t>& kept) {
  constexpr size_t kHead = 12, kCountAt = 4;
  std::string out = array.bytes.substr(0, kHead);
  const auto count = static_cast<uint64_t>(kept.size());
  std::memcpy(out.data() + kCountAt, &count, sizeof count);
  if (const size_t size = gguf::FixedSizeBytes(array.element); size != 0) {
    for (const int32_t id : kept) out.append(array.bytes, kHead + static_cast<size_t>(id) * size, size);
    return out;
  }
  size_t at = kHead;
  auto next = kept.begin();
  for (uint64_t i = 0; i < array.count && next != kept.end(); ++i) {
    uint64_t length = 0;
    std::memcpy(&length, array.bytes.data() + at, sizeof length);
    if (static_cast<uint64_t>(*next) == i) {
      out.append(array.bytes, at, 8 + length);
      ++next;
    }
    at += 8 + length;
  }
  return out;
}

// Merges whose result or parts were cut could never be used, and parts must be tokens.
absl::Status CutMerges(const gguf::GgufFile& file, const VocabularyCut& cut, gguf::GgufWriter& writer) {
  LINNET_ASSIGN_OR_RETURN(const auto merges, file.GetStringArray(kMerges));
  LINNET_ASSIGN_OR_RETURN(const auto texts, file.GetStringArray(kTokens));
  std::unordered_set<std::string_view> gone;
  for (size_t id = 0; id < texts.size(); ++id) {
    if (cut.new_ids[id] < 0) gone.insert(texts[id]);
  }
  std::vector<std::string> left;
  std::string whole;
  for (const std::string_view merge : merges) {
    const size_t space = merge.find(' ', 1);
    if (space != std::string_view::npos) {
      const std::string_view a = merge.substr(0, space), b = merge.substr(space + 1);
      whole.assign(a).append(b);
      if (gone.contains(a) || gone.contains(b) || gone.contains(whole)) continue;
    }
    left.emplace_back(merge);
  }
  writer.SetStringArray(kMerges, left);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<VocabularyCut> CutVocabulary(const gguf::GgufFile& file, const tokenizer::Tokenizer& tokenizer,
                                            std::string_view corpus) {
  return Cutter(file, tokenizer).Cut(corpus);
}

absl::Status ApplyVocabularyCut(const gguf::GgufFile& file, const VocabularyCut& cut,
                                gguf::GgufWriter& writer) {
  const auto renamed = [&](int64_t id) {
    const bool inside = id >= 0 && static_cast<size_t>(id) < cut.new_ids.size();
    return inside ? cut.new_ids[static_cast<size_t>(id)] : static_cast<int32_t>(id);  // -1: none
  };
  if (file.Has(kMerges)) LINNET_RETURN_IF_ERROR(CutMerges(file, cut, writer));
  for (const std::string_view key : file.Keys()) {
    LINNET_ASSIGN_OR_RETURN(gguf::StoredValue value, file.GetStored(key));
    if (IsTokenIdKey(key)) {
      const auto id = file.GetInt(key);
      if (id.ok() && *id >= 0 && static_cast<size_t>(*id) < cut.new_ids.size()) {
        writer.SetUint32(key, static_cast<uint32_t>(renamed(*id)));
      }
    } else if (IsTokenIdsKey(key)) {
      LINNET_ASSIGN_OR_RETURN(const auto ids, file.GetIntArray(key));
      std::vector<int32_t> changed;
      for (const int64_t id : ids) changed.push_back(renamed(id));
      writer.SetInt32Array(key, changed);
    } else if (key.starts_with("tokenizer.ggml.") && key != kMerges &&
               value.type == gguf::ValueType::kArray && value.element != gguf::ValueType::kArray &&
               value.count == cut.new_ids.size()) {
      writer.SetRaw(key, gguf::ValueType::kArray, Selected(value, cut.kept));
    } else if (key == "tokenizer.huggingface.json") {
      writer.RemoveKey(key);  // the uncut vocabulary once more
    } else if (key.ends_with(".vocab_size")) {
      writer.SetUint32(key, static_cast<uint32_t>(cut.kept.size()));
    }
  }
  return absl::OkStatus();
}

}  // namespace linnet::tools
