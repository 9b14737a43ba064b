#ifndef LINNET_RUNTIME_TOOLS_ENDLESS_H_
#define LINNET_RUNTIME_TOOLS_ENDLESS_H_

#include <memory>

#include "runtime/grammar/token_mask.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::tools {

// Allows every token but those that end a text, so that a measurement gets the length it asks for.
std::unique_ptr<grammar::Constraint> Endless(const tokenizer::Tokenizer& tokenizer);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_ENDLESS_H_
