#ifndef LINNET_TESTS_SUPPORT_TINY_MODEL_H_
#define LINNET_TESTS_SUPPORT_TINY_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/gguf/gguf_writer.h"
#include "runtime/kernels/types.h"

namespace linnet::testing {

// A whole llama-family model of random weights, a few hundred kilobytes: it says nonsense, but through every
// layer. The same options give the same bytes on every machine.
struct TinyModelOptions {
  kernels::WeightType type = kernels::WeightType::kF32;  // of matrices; norms are F32
  std::vector<kernels::WeightType> mixed = {};           // not empty: matrices take these in turn instead
  uint64_t seed = 1;
  uint32_t dim = 64;  // embedding length; a multiple of heads
  uint32_t layers = 2;
  uint32_t heads = 4;
  uint32_t kv_heads = 2;  // divides heads
  uint32_t ffn = 96;
  uint32_t context_tokens = 256;
  float rope_base = 10000.0F;
  bool tied = true;  // false: an output.weight of its own
  std::string name = "tiny";
};

// Ids in the tiny vocabulary: 0-255 are the bytes in order, then the control tokens, then merged pieces.
inline constexpr int32_t kTinyEndOfText = 256;  // "<|endoftext|>"; BOS of documents
inline constexpr int32_t kTinyImStart = 257;    // "<|im_start|>"
inline constexpr int32_t kTinyImEnd = 258;      // "<|im_end|>"; EOS
inline constexpr int32_t kTinyFirstMerged = 259;
inline constexpr int32_t kTinyVocabulary = 273;

// The vocabulary alone: byte-level BPE ("gpt2", pre-tokenizer "gpt-2"), a few merges, a ChatML template.
void AddTinyVocabulary(gguf::GgufWriter& writer);

// The file's bytes. A matrix whose rows are not whole blocks of the type is F16, as llama-quantize does.
std::string TinyModelBytes(const TinyModelOptions& options = {});
// Writes it; the test program ends if that fails.
void WriteTinyModel(const std::string& path, const TinyModelOptions& options = {});

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_TINY_MODEL_H_
