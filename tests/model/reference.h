#ifndef LINNET_TESTS_MODEL_REFERENCE_H_
#define LINNET_TESTS_MODEL_REFERENCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/gguf/gguf_file.h"

namespace linnet::model {

// The forward pass once more, of every family, written from the papers and the modelling code of their
// authors in double with libm: without a KV cache, kernels, threads, quantized activations, or any of the
// runtime's configuration. context_tokens: the session's, which chooses the factors of "longrope". Logits
// after the last of `tokens`: [vocabulary].
// observe: hears of every vector that goes into a matrix (by its tensor's name) and, under "blk.N.", into a
// layer; "" is what leaves the last one.
using Observe = std::function<void(const std::string& where, const std::vector<double>& x)>;
std::vector<double> ReferenceLogits(const gguf::GgufFile& file, const std::vector<int32_t>& tokens,
                                    uint32_t context_tokens = 256, const Observe& observe = nullptr);

}  // namespace linnet::model

#endif  // LINNET_TESTS_MODEL_REFERENCE_H_
