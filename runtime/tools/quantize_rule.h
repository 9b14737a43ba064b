#ifndef LINNET_RUNTIME_TOOLS_QUANTIZE_RULE_H_
#define LINNET_RUNTIME_TOOLS_QUANTIZE_RULE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/gguf/gguf_types.h"

namespace linnet::tools {

// What a model says of itself that the rule depends on.
struct ModelShape {
  uint32_t layers = 0;
  uint32_t heads_per_kv_head = 1;
  bool tied = false;  // the embedding is the output head too
  bool importance = false;
};

// Which type each matrix of a file gets. A kind of file ("Q4_K_M") has a base type for most matrices and
// gives some more bits: those whose errors spread furthest. The kinds, their numbers (general.file_type) and
// who gets what are those of llama-quantize (llama.cpp src/llama-quant.cpp, llama_tensor_get_type), so that
// files compare; quantize_rule.cc has them as a table.
class QuantizeRule {
 public:
  // InvalidArgument for a name that is no kind, listing those that are. Case does not matter; "Q4_K" is
  // "Q4_K_M". pure: every matrix gets the base type.
  static absl::StatusOr<QuantizeRule> Create(std::string_view kind, const ModelShape& shape, bool pure);
  static std::vector<std::string> Kinds();

  std::string_view kind() const { return kind_; }
  uint32_t file_type() const { return file_type_; }
  const gguf::GgmlType& base() const { return *base_; }

  // For a tensor that Quantizable() names. `cols` is its row length, which need not be whole blocks of the
  // result: see Fitting.
  const gguf::GgmlType& TypeOf(std::string_view tensor, uint64_t cols) const;

 private:
  QuantizeRule() = default;
  ModelShape shape_;
  bool pure_ = false;
  std::string_view kind_;
  uint32_t file_type_ = 0;
  const gguf::GgmlType* base_ = nullptr;
};

// Whether a tensor is a matrix that may lose bits. Norms, biases, everything with one dimension, position
// tables, convolutions and routers stay as they are: they are small and matter much.
bool Quantizable(std::string_view tensor, const std::vector<uint64_t>& shape);

// `type`, or the nearest one whose blocks divide rows of `cols`: Q4_K -> Q5_0, Q5_K -> Q5_1, Q6_K -> Q8_0,
// IQ4_XS -> IQ4_NL, Q2_K, Q3_K, TQ1_0, TQ2_0 -> Q4_0, and F16 where not even 32 does.
const gguf::GgmlType& Fitting(const gguf::GgmlType& type, uint64_t cols);

// A type of tensors by name, in either case. InvalidArgument, listing them, for one that we cannot write.
absl::StatusOr<const gguf::GgmlType*> ParseTensorType(std::string_view name);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_QUANTIZE_RULE_H_
