#ifndef LINNET_RUNTIME_TEMPLATE_REPR_H_
#define LINNET_RUNTIME_TEMPLATE_REPR_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/template/runtime.h"
#include "runtime/template/text.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// Python's repr of a float: the shortest digits that read back the same.
std::string FloatRepr(double value);

// str(value), what {{ }} prints. Strings keep their provenance; punctuation of containers is not trusted.
Text StrOf(const Value& value);
// repr(value). depth: levels above it; far beyond Limits::kNesting (namespaces may hold themselves) the text
// overflows.
void AppendRepr(Text& out, const Value& value, uint32_t depth);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;  // of one level
  std::string item_separator = ", ", key_separator = ": ";
};

// json.dumps(value) as transformers' tojson does it. False, after rt.Fail, for what JSON does not have.
bool AppendJson(Runtime& rt, Text& out, const Value& value, const JsonStyle& style);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_REPR_H_
