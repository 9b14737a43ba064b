#ifndef LINNET_RUNTIME_TEMPLATE_METHODS_H_
#define LINNET_RUNTIME_TEMPLATE_METHODS_H_

#include <optional>
#include <string_view>
#include <vector>

#include "runtime/template/runtime.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// The method `name` of a Python object of this type, bound to it; nullopt when there is none. Methods that
// change a list or dict are not there: transformers' sandbox refuses them.
std::optional<Value> FindMethod(Runtime& rt, const Value& self, std::string_view name);

using Method = Value (*)(Runtime& rt, const Value& self, const Args& args);
struct MethodRow {
  std::string_view name;
  Method call;
};

// Methods of str.
Method FindCutMethod(std::string_view name);   // strip, split, replace, ...
Method FindFormMethod(std::string_view name);  // upper, center, join, ...
Method FindAskMethod(std::string_view name);   // find, startswith, isdigit, ...

// What the filters of the same names do, too.
enum class Side : uint8_t { kBoth, kLeft, kRight };
// str.strip: white space, or the characters of `chars` (may be null).
Text Strip(const Text& text, const Text* chars, Side side);
// str.replace; count < 0: all.
Text Replace(Runtime& rt, const Text& text, const Text& old, const Text& with, int64_t count);
std::vector<Text> SplitLines(const Text& text, bool keep_ends);
// str.center and the like, to `width` characters.
Text Pad(Runtime& rt, const Text& text, int64_t width, const Text& fill, Side text_side);
Value Join(Runtime& rt, const Value& separator, const std::vector<Value>& items);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_METHODS_H_
