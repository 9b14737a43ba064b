#ifndef LINNET_RUNTIME_TEMPLATE_FORMAT_H_
#define LINNET_RUNTIME_TEMPLATE_FORMAT_H_

#include <string>
#include <string_view>

#include "runtime/template/runtime.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// format % arguments: a tuple, a mapping for %(name)s, or one value.
Value FormatPercent(Runtime& rt, const Value& format, const Value& arguments);

// format.format(*args, **keywords).
Text FormatWithBraces(Runtime& rt, const Value& format, const Args& args);

// What both make of one value: [[fill]align][sign][#][0][width][,][.precision][type] of Python's format().
struct FormatSpec {
  std::string fill = " ";
  char align = 0;  // '<' '>' '^' '=', 0: the type's own
  char sign = '-';
  bool alternate = false, comma = false;
  int64_t width = 0;
  int64_t precision = -1;
  char type = 0;
};
// Fails for a type that the value does not have.
Text FormatValue(Runtime& rt, const Value& value, const FormatSpec& spec);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_FORMAT_H_
