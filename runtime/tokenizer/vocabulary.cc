#include "runtime/tokenizer/vocabulary.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/tokenizer/tables_builder.h"

namespace linnet::tokenizer {
namespace {

absl::Status Contradiction(const gguf::ModelFile& file, const std::string& what) {
  return absl::DataLossError(absl::StrCat(file.path(), ": ", what));
}

absl::StatusOr<std::optional<bool>> Flag(const gguf::ModelFile& file, const char* key) {
  if (!file.Has(key)) return std::optional<bool>();
  LINNET_ASSIGN_OR_RETURN(const bool value, file.GetBool(key));
  return std::optional<bool>(value);
}

}  // namespace

absl::StatusOr<Vocabulary> Vocabulary::Load(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(Tables tables, LoadTables(file));
  Vocabulary vocabulary(std::move(tables));
  LINNET_RETURN_IF_ERROR(vocabulary.LoadSpecialIds(file));
  vocabulary.AddTurnEnds();
  LINNET_RETURN_IF_ERROR(vocabulary.LoadStrips(file));
  return vocabulary;
}

absl::StatusOr<std::optional<TokenId>> Vocabulary::SpecialId(const gguf::ModelFile& file,
                                                             const char* name) const {
  const std::string key = absl::StrCat("tokenizer.ggml.", name, "_token_id");
  if (!file.Has(key)) return std::optional<TokenId>();
  LINNET_ASSIGN_OR_RETURN(const int64_t id, file.GetInt(key));
  // -1, as signed or unsigned, is how some converters write "none".
  if (id == -1 || id == 0xffffffff) return std::optional<TokenId>();
  if (id < 0 || id >= size()) {
    return Contradiction(file, absl::StrCat(key, " is ", id, ", but the vocabulary has ", size(), " tokens"));
  }
  return std::optional<TokenId>(static_cast<TokenId>(id));
}

absl::StatusOr<bool> Vocabulary::FlagOr(const gguf::ModelFile& file, const char* key, bool value) {
  LINNET_ASSIGN_OR_RETURN(const std::optional<bool> flag, Flag(file, key));
  return flag.value_or(value);
}

absl::Status Vocabulary::CheckAdded(const gguf::ModelFile& file) const {
  for (const auto& [wanted, id, name] : {std::tuple(add_bos, bos, "bos"), std::tuple(add_eos, eos, "eos")}) {
    if (wanted.value_or(false) && !id) {
      return Contradiction(
          file, absl::StrCat("tokenizer.ggml.add_", name, "_token is true, but tokenizer.ggml.", name,
                             "_token_id is missing"));
    }
  }
  return absl::OkStatus();
}

absl::Status Vocabulary::LoadSpecialIds(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(bos, SpecialId(file, "bos"));
  LINNET_ASSIGN_OR_RETURN(eos, SpecialId(file, "eos"));
  LINNET_ASSIGN_OR_RETURN(unknown, SpecialId(file, "unknown"));
  LINNET_ASSIGN_OR_RETURN(add_bos, Flag(file, "tokenizer.ggml.add_bos_token"));
  LINNET_ASSIGN_OR_RETURN(add_eos, Flag(file, "tokenizer.ggml.add_eos_token"));
  for (const char* name : {"eot", "eom", "fim_pad", "fim_rep", "fim_sep"}) {
    LINNET_ASSIGN_OR_RETURN(const auto id, SpecialId(file, name));
    if (id) AddEnd(*id);
  }
  return absl::OkStatus();
}

void Vocabulary::AddTurnEnds() {
  if (eos) AddEnd(*eos);
  // Harmony ends a message, not the generation, with <|end|>.
  const bool harmony = Find("<|end|>") && ((Find("<|return|>") && (Find("<|call|>") || Find("<|calls|>"))) ||
                                           (Find("<|flush|>") && (Find("<|call|>") || Find("<|calls|>"))));
  const bool gemma4 = Find("<|tool_response>").has_value();
  for (const std::string_view text : kEndTexts) {
    if ((gemma4 && text == "</s>") || (harmony && text == "<|end|>")) continue;
    if (const auto id = Find(text)) AddEnd(*id);
  }
}

// GGUF has no key for this; llama.cpp (llama_vocab::impl::load) goes by names, and so do we.
absl::Status Vocabulary::LoadStrips(const gguf::ModelFile& file) {
  const auto text_of = [&](const char* key) -> absl::StatusOr<std::string> {
    if (!file.Has(key)) return std::string();
    LINNET_ASSIGN_OR_RETURN(const std::string_view value, file.GetString(key));
    return std::string(value);
  };
  LINNET_ASSIGN_OR_RETURN(const std::string pre, text_of("tokenizer.ggml.pre"));
  LINNET_ASSIGN_OR_RETURN(const std::string architecture, text_of("general.architecture"));
  LINNET_ASSIGN_OR_RETURN(const std::string original_name, text_of("general.name"));
  const std::string name = absl::AsciiStrToLower(original_name);
  const auto contains_any = [](std::string_view text, std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
  };
  if (contains_any(pre, {"jina-v2-de", "jina-v2-es", "jina-v2-code"}) ||
      contains_any(architecture, {"nomic-bert-moe", "jina-bert-v3"})) {
    left_strip_ = Find("<mask>");
  } else if (contains_any(name, {"phi-3", "phi3"})) {
    constexpr std::string_view kPlain[] = {"<unk>", "<s>", "<|endoftext|>"};
    for (size_t i = 0; i < when_parsing().size(); ++i) {
      const TokenId id = when_parsing()[i];
      if (std::find(std::begin(kPlain), std::end(kPlain), text(id)) == std::end(kPlain)) {
        right_strips_.push_back(id);
      }
    }
    std::sort(right_strips_.begin(), right_strips_.end());
  } else if (contains_any(name, {"modern-bert"})) {
    left_strip_ = Find("[MASK]");
  }
  return absl::OkStatus();
}

void Vocabulary::AddEnd(TokenId id) {
  const auto at = std::lower_bound(end_tokens.begin(), end_tokens.end(), id);
  if (at == end_tokens.end() || *at != id) end_tokens.insert(at, id);
}

}  // namespace linnet::tokenizer
