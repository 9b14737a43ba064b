#include "runtime/template/filters.h"

#include "absl/strings/numbers.h"
#include "runtime/base/string_view.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"
#include "runtime/template/unicode.h"

namespace linnet::jinja {

Filter FindFilter(std::string_view name) {
  for (const auto find : {FindTextFilter, FindValueFilter, FindSequenceFilter, FindPickFilter}) {
    if (const Filter filter = find(name)) return filter;
  }
  return nullptr;
}

Value AsString(Runtime& rt, const Value& value) { return value.string() ? value : rt.Str(StrOf(value)); }

Value WithoutCase(Runtime& rt, const Value& value) {
  if (!value.string() || !rt.WorkBytes(value.text().size() * 8)) return value;
  return rt.Str(MapCase(value.text(), Case::kLower));
}

Value AtPath(Runtime& rt, Value item, const Value& path, const Value& otherwise) {
  const auto step = [&](const Value& part) {
    item = GetItem(rt, item, part);
    if (item.undefined() && !otherwise.missing()) item = otherwise;
  };
  if (!path.string()) {
    step(path);
    return item;
  }
  const std::string_view text = path.view();
  for (size_t at = 0; at <= text.size() && rt.Work(1);) {
    const size_t dot = std::min(text.find('.', at), text.size());
    const std::string_view part = text.substr(at, dot - at);
    int64_t index = 0;
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos &&
                        absl::SimpleAtoi(base::ToAbsl(part), &index);
    step(number ? Value::Int(index) : rt.Trusted(part));
    at = dot + 1;
  }
  return item;
}

}  // namespace linnet::jinja
