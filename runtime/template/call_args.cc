#include "runtime/template/call_args.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/operations.h"

namespace linnet::jinja {

CallArgs::CallArgs(Runtime& rt, std::string_view function, const Args& args,
                   std::initializer_list<const char*> names, size_t required)
    : rt_(rt), function_(function), values_(names.size()) {
  if (args.positional.size() > names.size()) {
    {
      Refuse(absl::StrCat("takes at most ", names.size(), " arguments (", args.positional.size(), " given)"));
      return;
    }
  }
  std::copy(args.positional.begin(), args.positional.end(), values_.begin());
  for (const auto& [name, value] : args.keywords) {
    size_t i = 0;
    while (i < names.size() && name != *(names.begin() + i)) ++i;
    if (i == names.size()) {
      Refuse(absl::StrCat("got an unexpected keyword argument '", name, "'"));
      return;
    }
    if (has(i)) {
      Refuse(absl::StrCat("got multiple values for argument '", name, "'"));
      return;
    }
    values_[i] = value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!has(i)) {
      Refuse(absl::StrCat("needs at least ", required, " arguments"));
      return;
    }
  }
}

void CallArgs::Refuse(std::string what) {
  rt_.Fail(absl::StrCat(function_, "() ", what));
  ok_ = false;
}

std::optional<int64_t> CallArgs::Int(size_t i, int64_t otherwise) {
  if (!has(i)) return otherwise;
  if (values_[i].integral()) return values_[i].as_int();
  Refuse(absl::StrCat("expected an integer, found '", std::string(values_[i].TypeName()), "'"));
  return std::nullopt;
}

bool CallArgs::Flag(size_t i, bool otherwise) const { return has(i) ? Truth(values_[i]) : otherwise; }

const Text* CallArgs::Str(size_t i, bool none_too) {
  if (!has(i) || (none_too && values_[i].none())) return nullptr;
  if (values_[i].string()) return &values_[i].text();
  Refuse(absl::StrCat("expected a string, found '", std::string(values_[i].TypeName()), "'"));
  return nullptr;
}

}  // namespace linnet::jinja
