#ifndef LINNET_RUNTIME_TEMPLATE_CALL_ARGS_H_
#define LINNET_RUNTIME_TEMPLATE_CALL_ARGS_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/template/runtime.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// The arguments of one call, by the names that the function gives them; what is absent is missing. Fails, and
// ok() is false, for too many, too few, unknown or repeated ones. A name that begins with '/' can only be
// given by position.
class CallArgs {
 public:
  CallArgs(Runtime& rt, std::string_view function, const Args& args, std::initializer_list<const char*> names,
           size_t required);
  bool ok() const { return ok_; }
  const Value& operator[](size_t i) const { return values_[i]; }
  bool has(size_t i) const { return !values_[i].missing(); }

  // With a default; each fails for a value of another type, and nullopt tells.
  std::optional<int64_t> Int(size_t i, int64_t otherwise);
  bool Flag(size_t i, bool otherwise) const;
  // A string; `none_too`: None counts as absent. Null when it is absent or of another type (then rt failed).
  const Text* Str(size_t i, bool none_too = true);

 private:
  void Refuse(std::string what);

  Runtime& rt_;
  const std::string function_;
  std::vector<Value> values_;
  bool ok_ = true;
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_CALL_ARGS_H_
