#include "runtime/tools/quantize_rule.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::tools {
namespace {

using gguf::GgmlType;

struct Kind {
  std::string_view name;
  uint32_t file_type;  // llama.h enum llama_ftype
  std::string_view base;
};

constexpr Kind kKinds[] = {
    {"F32", 0, "F32"},      {"F16", 1, "F16"},      {"BF16", 32, "BF16"},     {"Q4_0", 2, "Q4_0"},
    {"Q4_1", 3, "Q4_1"},    {"Q5_0", 8, "Q5_0"},    {"Q5_1", 9, "Q5_1"},      {"Q8_0", 7, "Q8_0"},
    {"Q2_K", 10, "Q2_K"},   {"Q2_K_S", 21, "Q2_K"}, {"Q3_K_S", 11, "Q3_K"},   {"Q3_K_M", 12, "Q3_K"},
    {"Q3_K_L", 13, "Q3_K"}, {"Q4_K_S", 14, "Q4_K"}, {"Q4_K_M", 15, "Q4_K"},   {"Q5_K_S", 16, "Q5_K"},
    {"Q5_K_M", 17, "Q5_K"}, {"Q6_K", 18, "Q6_K"},   {"IQ4_NL", 25, "IQ4_NL"}, {"IQ4_XS", 30, "IQ4_XS"},
    {"TQ1_0", 36, "TQ1_0"}, {"TQ2_0", 37, "TQ2_0"}, {"MXFP4", 38, "MXFP4"},
};
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}};

// The layers in which a matrix gets more bits.
enum class Where : uint8_t {
  kEverywhere,
  kFirst2,
  kFirst4,
  kFirst16th,
  kFirst8th,
  kFirst8thWithImportance,
  kFirst8thWithout,
  kEndsAndEveryThird,  // the first and the last eighth, and every third between
  kShared4,            // where four or more heads share a key-value head: the matrix is small then
};

struct Bump {
  std::string_view kind, matrix;
  Where where;
  std::string_view type;
};

// The first row that fits counts.
constexpr Bump kBumps[] = {
    {"Q4_0", "ffn_down", Where::kFirst8thWithImportance, "Q4_1"},
    {"Q5_0", "ffn_down", Where::kFirst8thWithImportance, "Q5_1"},
    {"Q2_K", "attn_v", Where::kShared4, "Q4_K"},
    {"Q2_K", "attn_v", Where::kEverywhere, "Q3_K"},
    {"Q2_K", "ffn_down", Where::kEverywhere, "Q3_K"},
    {"Q2_K", "attn_output", Where::kEverywhere, "Q3_K"},
    {"Q2_K_S", "attn_v", Where::kShared4, "Q4_K"},
    {"Q2_K_S", "ffn_down", Where::kFirst8th, "Q4_K"},
    {"Q3_K_M", "attn_v", Where::kFirst2, "Q5_K"},
    {"Q3_K_M", "attn_v", Where::kEverywhere, "Q4_K"},
    {"Q3_K_M", "ffn_down", Where::kFirst16th, "Q5_K"},
    {"Q3_K_M", "ffn_down", Where::kEverywhere, "Q4_K"},
    {"Q3_K_M", "attn_output", Where::kEverywhere, "Q4_K"},
    {"Q3_K_M", "attn_qkv", Where::kEverywhere, "Q4_K"},
    {"Q3_K_L", "attn_v", Where::kEverywhere, "Q5_K"},
    {"Q3_K_L", "ffn_down", Where::kEverywhere, "Q5_K"},
    {"Q3_K_L", "attn_output", Where::kEverywhere, "Q5_K"},
    {"Q3_K_L", "attn_qkv", Where::kEverywhere, "Q4_K"},
    {"Q4_K_S", "attn_v", Where::kFirst4, "Q5_K"},
    {"Q4_K_S", "ffn_down", Where::kFirst8th, "Q5_K"},
    {"Q4_K_M", "attn_v", Where::kEndsAndEveryThird, "Q6_K"},
    {"Q4_K_M", "ffn_down", Where::kEndsAndEveryThird, "Q6_K"},
    {"Q4_K_M", "attn_qkv", Where::kEverywhere, "Q5_K"},
    {"Q5_K_M", "attn_v", Where::kEndsAndEveryThird, "Q6_K"},
    {"Q5_K_M", "ffn_down", Where::kEndsAndEveryThird, "Q6_K"},
    {"Q5_K_M", "attn_qkv", Where::kEverywhere, "Q6_K"},
    {"IQ4_NL", "attn_v", Where::kShared4, "Q5_K"},
    {"IQ4_NL", "ffn_down", Where::kFirst8thWithout, "Q5_K"},
    {"IQ4_XS", "attn_v", Where::kShared4, "Q5_K"},
    {"IQ4_XS", "ffn_down", Where::kFirst8thWithout, "Q5_K"},
    // Three values a weight are too few for the rows that every token begins with.
    {"TQ1_0", "token_embd", Where::kEverywhere, "Q4_K"},
    {"TQ2_0", "token_embd", Where::kEverywhere, "Q4_K"},
};

// Of blocks of 256, what takes their place where rows are whole blocks of 32 only.
constexpr std::pair<std::string_view, std::string_view> kSmaller[] = {
    {"Q2_K", "Q4_0"}, {"Q3_K", "Q4_0"},  {"Q4_K", "Q5_0"},  {"Q5_K", "Q5_1"},
    {"Q6_K", "Q8_0"}, {"TQ1_0", "Q4_0"}, {"TQ2_0", "Q4_0"}, {"IQ4_XS", "IQ4_NL"},
};

const GgmlType& Named(std::string_view name) {
  const GgmlType* type = gguf::FindGgmlTypeByName(name);
  LINNET_CHECK(type != nullptr);
  return *type;
}

bool IsFloat(const GgmlType& type) { return type.block == 1; }

std::string Upper(std::string_view text) { return absl::AsciiStrToUpper(base::ToAbsl(text)); }

// "blk.7.attn_v.weight" -> layer 7, "attn_v"; no layer outside of the blocks.
struct Place {
  std::optional<uint32_t> layer;
  std::string_view matrix;
};

Place PlaceOf(std::string_view tensor) {
  Place place;
  if (tensor.starts_with("blk.")) {
    const size_t dot = tensor.find('.', 4);
    uint32_t layer = 0;
    if (dot != std::string_view::npos && absl::SimpleAtoi(base::ToAbsl(tensor.substr(4, dot - 4)), &layer)) {
      place.layer = layer;
      tensor.remove_prefix(dot + 1);
    }
  }
  place.matrix = tensor.substr(0, tensor.rfind('.'));
  return place;
}

bool Holds(Where where, uint32_t layer, const ModelShape& shape) {
  const uint32_t n = shape.layers;
  switch (where) {
    case Where::kEverywhere:
      return true;
    case Where::kFirst2:
      return layer < 2;
    case Where::kFirst4:
      return layer < 4;
    case Where::kFirst16th:
      return layer < n / 16;
    case Where::kFirst8th:
      return layer < n / 8;
    case Where::kFirst8thWithImportance:
      return layer < n / 8 && shape.importance;
    case Where::kFirst8thWithout:
      return layer < n / 8 && !shape.importance;
    case Where::kEndsAndEveryThird:
      return layer < n / 8 || layer >= 7 * n / 8 || (layer - n / 8) % 3 == 2;
    case Where::kShared4:
      return shape.heads_per_kv_head >= 4;
  }
  return false;
}

}  // namespace

std::vector<std::string> QuantizeRule::Kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

absl::StatusOr<QuantizeRule> QuantizeRule::Create(std::string_view wanted, const ModelShape& shape,
                                                  bool pure) {
  std::string name = Upper(wanted);
  for (const auto& [alias, meant] : kAliases) {
    if (name == alias) name = meant;
  }
  for (const Kind& kind : kKinds) {
    if (kind.name != name) continue;
    QuantizeRule rule;
    rule.shape_ = shape;
    rule.pure_ = pure;
    rule.kind_ = kind.name;
    rule.file_type_ = kind.file_type;
    rule.base_ = &Named(kind.base);
    return rule;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--type ", gguf::Shown(wanted), " is not known; expected ", absl::StrJoin(Kinds(), ", ")));
}

const GgmlType& QuantizeRule::TypeOf(std::string_view tensor, uint64_t cols) const {
  if (pure_ || IsFloat(*base_)) return *base_;
  const Place place = PlaceOf(tensor);
  // Every logit is one row of the head: its errors are seen at once.
  if (place.matrix == "output" || (shape_.tied && place.matrix == "token_embd")) {
    const bool wide = base_->name == "Q8_0" || base_->name == "MXFP4" || cols % base_->block != 0;
    return Named(wide ? "Q8_0" : "Q6_K");
  }
  for (const Bump& bump : kBumps) {
    if (bump.kind == kind_ && bump.matrix == place.matrix &&
        Holds(bump.where, place.layer.value_or(0), shape_)) {
      return Named(bump.type);
    }
  }
  return *base_;
}

bool Quantizable(std::string_view tensor, const std::vector<uint64_t>& shape) {
  if (std::count_if(shape.begin(), shape.end(), [](uint64_t n) { return n > 1; }) < 2) return false;
  if (shape.size() < 2 || !tensor.ends_with(".weight")) return false;
  const auto has = [&](std::string_view part) { return tensor.find(part) != std::string_view::npos; };
  return !has("_norm.weight") && !has("position_embd") && !has("token_types") && !has("ffn_gate_inp") &&
         !has("ssm_conv1d") && !has("shortconv.conv") && !has("attn_rel_b");
}

const GgmlType& Fitting(const GgmlType& type, uint64_t cols) {
  if (cols % type.block == 0) return type;
  for (const auto& [large, small] : kSmaller) {
    if (large == type.name && cols % Named(small).block == 0) return Named(small);
  }
  return Named("F16");
}

absl::StatusOr<const GgmlType*> ParseTensorType(std::string_view name) {
  std::vector<std::string> known;
  for (const Kind& kind : kKinds) {
    if (std::find(known.begin(), known.end(), kind.base) == known.end()) known.emplace_back(kind.base);
  }
  const std::string wanted = Upper(name);
  if (std::find(known.begin(), known.end(), wanted) != known.end()) return &Named(wanted);
  return absl::InvalidArgumentError(absl::StrCat("tensor type ", gguf::Shown(name),
                                                 " is not known; expected ", absl::StrJoin(known, ", ")));
}

}  // namespace linnet::tools
