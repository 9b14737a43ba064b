#ifndef LINNET_TESTS_SUPPORT_TINY_ENCODER_H_
#define LINNET_TESTS_SUPPORT_TINY_ENCODER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/gguf/gguf_writer.h"

namespace linnet::testing {

// A whole encoder of random weights, bert or nomic-bert, that knows letters: [PAD] [UNK] [CLS] [SEP], then a
// to z at the beginning of a word and inside one. The same bytes on every machine.
class TinyEncoder {
 public:
  static constexpr uint32_t kVocabulary = 56, kContext = 80, kLayers = 2, kDim = 48, kHeads = 3, kFfn = 112;
  static constexpr double kEpsilon = 1e-7, kBase = 1000;

  // biases: of a nomic-bert's matrices; bert has them always.
  explicit TinyEncoder(bool nomic, bool biases = false);
  gguf::GgufWriter& writer() { return writer_; }
  std::string Bytes() { return *writer_.Serialize(); }

 private:
  void Add(const std::string& tensor, std::vector<uint64_t> shape, float mean = 0);
  void AddLinear(const std::string& tensor, uint64_t in, uint64_t out, bool bias);
  void AddNorm(const std::string& tensor);
  void AddVocabulary();

  gguf::GgufWriter writer_;
  uint64_t state_ = 11;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_TINY_ENCODER_H_
