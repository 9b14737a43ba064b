#ifndef LINNET_RUNTIME_TEMPLATE_FILTERS_H_
#define LINNET_RUNTIME_TEMPLATE_FILTERS_H_

#include <iterator>
#include <string_view>

#include "runtime/template/runtime.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// {{ subject | filter(args) }}
using Filter = Value (*)(Runtime& rt, const Value& subject, const Args& args);
// {{ subject is test(args) }}
using Test = bool (*)(Runtime& rt, const Value& subject, const Args& args);

// Null when Jinja has none of that name, or none that means anything in a prompt (urlize, random, ...).
Filter FindFilter(std::string_view name);
Test FindTest(std::string_view name);

// Parts of FindFilter.
Filter FindTextFilter(std::string_view name);
Filter FindValueFilter(std::string_view name);
Filter FindSequenceFilter(std::string_view name);
Filter FindPickFilter(std::string_view name);

template <typename Function>
struct NamedRow {
  std::string_view name;
  Function call;
};

template <typename Function, size_t n>
Function FindRow(const NamedRow<Function> (&rows)[n], std::string_view name) {
  for (const NamedRow<Function>& row : rows) {
    if (row.name == name) return row.call;
  }
  return nullptr;
}

// soft_str: a string as it is (marked safe or not), anything else as it prints.
Value AsString(Runtime& rt, const Value& value);
// Lower case, if it is a string: what filters compare where case does not count.
Value WithoutCase(Runtime& rt, const Value& value);
// item.a.b.0 for the path "a.b.0" (or a number); a given `otherwise` replaces what is undefined.
Value AtPath(Runtime& rt, Value item, const Value& path, const Value& otherwise);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_FILTERS_H_
