#include "runtime/template/objects.h"

#include "absl/strings/str_cat.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"

namespace linnet::jinja {

int64_t Range::size() const {
  const int64_t span = step_ > 0 ? end_ - begin_ : begin_ - end_;
  const int64_t stride = step_ > 0 ? step_ : -step_;
  return span <= 0 ? 0 : (span - 1) / stride + 1;
}

void Range::Repr(Text& out, uint32_t) const {
  out.Append(absl::StrCat("range(", begin_, ", ", end_), false);
  if (step_ != 1) out.Append(absl::StrCat(", ", step_), false);
  out.Append(")", false);
}

std::optional<Value> Range::Item(Runtime&, const Value& index) {
  if (!index.integral()) return std::nullopt;
  const int64_t i = index.as_int() < 0 ? index.as_int() + size() : index.as_int();
  if (i < 0 || i >= size()) return std::nullopt;
  return Value::Int(at(i));
}

NextFn Range::Iterate(Runtime&) {
  return [this, i = int64_t{0}](Value* out) mutable {
    if (i >= size()) return false;
    *out = Value::Int(at(i++));
    return true;
  };
}

Value Range::Slice(Runtime& rt, int64_t begin, int64_t end, int64_t step) const {
  return rt.NewObject(std::make_shared<Range>(at(begin), at(end), step_ * step), 0);
}

bool Range::Same(const Range& other) const {
  if (size() != other.size()) return false;
  return size() == 0 || (begin_ == other.begin_ && (size() == 1 || step_ == other.step_));
}

std::string_view DictView::TypeName() const {
  return kind_ == Kind::kKeys ? "dict_keys" : kind_ == Kind::kValues ? "dict_values" : "dict_items";
}

void DictView::Repr(Text& out, uint32_t level) const {
  out.Append(absl::StrCat(std::string(TypeName()), "(["), false);
  bool first = true;
  for (const auto& [key, value] : dict_.entries().entries()) {
    if (!first) out.Append(", ", false);
    first = false;
    if (kind_ == Kind::kItems) out.Append("(", false);
    if (kind_ != Kind::kValues) AppendRepr(out, key, level + 1);
    if (kind_ == Kind::kItems) out.Append(", ", false);
    if (kind_ != Kind::kKeys) AppendRepr(out, value, level + 1);
    if (kind_ == Kind::kItems) out.Append(")", false);
  }
  out.Append("])", false);
}

NextFn DictView::Iterate(Runtime& rt) {
  return [this, &rt, i = size_t{0}](Value* out) mutable {
    const auto& entries = dict_.entries().entries();
    if (i >= entries.size()) return false;
    const auto& [key, value] = entries[i++];
    *out = kind_ == Kind::kKeys ? key : kind_ == Kind::kValues ? value : rt.NewTuple({key, value});
    return true;
  };
}

void Namespace::Repr(Text& out, uint32_t level) const {
  out.Append("<Namespace {", false);
  bool first = true;
  for (const auto& [name, value] : attributes_) {
    out.Append(absl::StrCat(first ? "'" : ", '", name, "': "), false);
    first = false;
    AppendRepr(out, value, level + 1);
  }
  out.Append("}>", false);
}

std::optional<Value> Namespace::Attribute(Runtime&, std::string_view name) {
  for (const auto& [known, value] : attributes_) {
    if (known == name) return value;
  }
  return std::nullopt;
}

void Namespace::Set(const std::string& name, Value value) {
  for (auto& [known, old] : attributes_) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  attributes_.emplace_back(name, std::move(value));
}

void Function::Repr(Text& out, uint32_t) const { out.Append(absl::StrCat("<function ", name_, ">"), false); }

}  // namespace linnet::jinja
