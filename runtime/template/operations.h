#ifndef LINNET_RUNTIME_TEMPLATE_OPERATIONS_H_
#define LINNET_RUNTIME_TEMPLATE_OPERATIONS_H_

#include <optional>
#include <string_view>
#include <vector>

#include "runtime/template/runtime.h"
#include "runtime/template/value.h"

// What Python's operators do, with its errors.
namespace linnet::jinja {

bool Truth(const Value& value);
bool Equal(Runtime& rt, const Value& a, const Value& b);
// a < b; fails for values that Python does not order.
bool Less(Runtime& rt, const Value& a, const Value& b);
bool Contains(Runtime& rt, const Value& container, const Value& item);

enum class Operator : uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
Value Binary(Runtime& rt, Operator op, const Value& a, const Value& b);
Value Negate(Runtime& rt, const Value& value);
Value Positive(Runtime& rt, const Value& value);

// A source of the elements; nullptr, after rt.Fail, when the value cannot be iterated.
NextFn Iterate(Runtime& rt, const Value& value);
bool Collect(Runtime& rt, const Value& value, std::vector<Value>* out);
// len(); nullopt when the value has none.
std::optional<int64_t> Length(Runtime& rt, const Value& value);

// value.name: a method or attribute, else an item. value[index]: an item, else an attribute. What is absent
// is undefined; an attribute of undefined fails.
Value GetAttribute(Runtime& rt, const Value& value, std::string_view name);
Value GetItem(Runtime& rt, const Value& value, const Value& index);
// value[begin:end:step]; missing or None: as Python has it.
Value GetSlice(Runtime& rt, const Value& value, const Value& begin, const Value& end, const Value& step);
// The elements of range(begin, end, step) over a sequence of `size`, as slice.indices gives them.
struct SliceIndices {
  int64_t begin, end, step;
};
std::optional<SliceIndices> IndicesOf(Runtime& rt, int64_t size, const Value& begin, const Value& end,
                                      const Value& step);

// "'str' object has no attribute 'x'" and the like.
Value AbsentAttribute(Runtime& rt, const Value& value, const Value& name);

// Strings that are marked safe escape what joins them.
Text EscapedText(const Text& text);  // & < > ' " as HTML has it
Value ConcatStrings(Runtime& rt, const Value& a, const Value& b);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_OPERATIONS_H_
