#include "runtime/template/value.h"

#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "runtime/template/repr.h"
#include "runtime/template/runtime.h"

namespace linnet::jinja {

Value Value::Bool(bool b) {
  Value value(Kind::kBool);
  value.int_ = b ? 1 : 0;
  return value;
}

Value Value::Int(int64_t i, bool trusted) {
  Value value(Kind::kInt);
  value.int_ = i;
  value.trusted_ = trusted;
  return value;
}

Value Value::Float(double f, bool trusted) {
  Value value(Kind::kFloat);
  value.float_ = f;
  value.trusted_ = trusted;
  return value;
}

const Text& Value::text() const { return static_cast<const String&>(*heap_).text; }
bool Value::markup() const { return static_cast<const String&>(*heap_).markup; }
const std::vector<Value>& Value::items() const { return static_cast<const List&>(*heap_).items; }
const Dict& Value::entries() const { return static_cast<const Dict&>(*heap_); }
Object& Value::object() const { return static_cast<Object&>(*heap_); }
const std::string& Value::why() const { return static_cast<const UndefinedValue&>(*heap_).why; }

std::string_view Value::TypeName() const {
  switch (kind_) {
    case Kind::kMissing:
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return markup() ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kObject:
      return object().TypeName();
  }
  return "?";
}

void Object::Repr(Text& out, uint32_t) const {
  out.Append(absl::StrCat("<", std::string(TypeName()), " object>"), true);
}
Value Object::Call(Runtime& rt, const Args&) {
  return rt.Fail(absl::StrCat("'", std::string(TypeName()), "' object is not callable"));
}
std::optional<Value> Object::Attribute(Runtime&, std::string_view) { return std::nullopt; }
std::optional<Value> Object::Item(Runtime&, const Value&) { return std::nullopt; }
std::optional<int64_t> Object::Length(Runtime&) { return std::nullopt; }
NextFn Object::Iterate(Runtime&) { return nullptr; }

void Dict::Set(const std::string& hash, Value key, Value value) {
  const auto [found, added] = index_.emplace(hash, entries_.size());
  if (added) {
    entries_.emplace_back(std::move(key), std::move(value));
  } else {
    entries_[found->second].second = std::move(value);
  }
}

const Value* Dict::Find(const std::string& hash) const {
  const auto found = index_.find(hash);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Value* Dict::FindString(std::string_view key) const {
  return Find(absl::StrCat("s", std::string(key)));
}

std::optional<std::string> HashKey(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kString:
      return absl::StrCat("s", std::string(value.view()));
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return absl::StrCat("n", value.as_int());
    case Value::Kind::kFloat: {
      const double f = value.as_float();
      // A float that is a whole number is equal to the integer.
      if (f == std::floor(f) && std::fabs(f) < 9e18) return absl::StrCat("n", static_cast<int64_t>(f));
      return absl::StrCat("n", FloatRepr(f));
    }
    case Value::Kind::kNone:
      return "N";
    case Value::Kind::kMissing:
    case Value::Kind::kUndefined:
      return "U";
    case Value::Kind::kTuple: {
      std::string key(1, 't');
      for (const Value& item : value.items()) {
        const std::optional<std::string> part = HashKey(item);
        if (!part) return std::nullopt;
        absl::StrAppend(&key, part->size(), ":", *part);
      }
      return key;
    }
    case Value::Kind::kList:
    case Value::Kind::kDict:
      return std::nullopt;
    case Value::Kind::kObject: {
      char address[32];
      std::snprintf(address, sizeof address, "o%p", static_cast<const void*>(value.heap().get()));
      return address;
    }
  }
  return std::nullopt;
}

}  // namespace linnet::jinja
