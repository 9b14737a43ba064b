#ifndef LINNET_RUNTIME_ENGINE_DRY_BREAKERS_H_
#define LINNET_RUNTIME_ENGINE_DRY_BREAKERS_H_

#include <string>
#include <vector>

#include "runtime/sampler/stages.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::engine {

// DRY's sequence breakers as the vocabulary can spell them, the way llama.cpp finds them: a token whose piece
// holds the whole text, or ends with a beginning of it and is followed by the tokens of the rest (the first
// 20). One walk over the vocabulary.
sampler::DryBreakers DryBreakersOf(const tokenizer::Tokenizer& tokenizer,
                                   const std::vector<std::string>& texts);

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_DRY_BREAKERS_H_
