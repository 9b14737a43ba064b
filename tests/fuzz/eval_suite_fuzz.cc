// Any bytes as a suite of questions: refused with a reason, or within its limits, and every answer can be
// judged.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/status_macros.h"
#include "runtime/tools/eval_suite.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using linnet::tools::EvalSuite;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto suite = EvalSuite::Parse(text);
  if (!suite.ok()) {
    LINNET_CHECK(!suite.status().message().empty());
    return 0;
  }
  LINNET_CHECK(!suite->cases.empty() && suite->cases.size() <= EvalSuite::kMostCases);
  for (const linnet::tools::EvalCase& question : suite->cases) {
    LINNET_CHECK(question.prompt.empty() != question.chat.empty());
    LINNET_CHECK(question.max_tokens >= 1 && question.max_tokens <= EvalSuite::kMostTokens);
    for (const std::string_view answer : {std::string_view(), std::string_view("{\"on\":true}"), text}) {
      linnet::tools::Satisfies(answer, question);
    }
  }
  return 0;
}
