#ifndef LINNET_RUNTIME_TEMPLATE_OBJECTS_H_
#define LINNET_RUNTIME_TEMPLATE_OBJECTS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/template/runtime.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// range(begin, end, step).
class Range final : public Object {
 public:
  Range(int64_t begin, int64_t end, int64_t step) : begin_(begin), end_(end), step_(step) {}
  std::string_view TypeName() const override { return "range"; }
  void Repr(Text& out, uint32_t depth) const override;
  std::optional<Value> Item(Runtime& rt, const Value& index) override;
  std::optional<int64_t> Length(Runtime&) override { return size(); }
  bool Truth() const override { return size() > 0; }
  NextFn Iterate(Runtime& rt) override;
  int64_t size() const;
  Value Slice(Runtime& rt, int64_t begin, int64_t end, int64_t step) const;
  // As slice() arguments' base.
  int64_t at(int64_t i) const { return begin_ + i * step_; }
  // Elements equal: range objects compare as sequences.
  bool Same(const Range& other) const;

 private:
  const int64_t begin_, end_, step_;
};

// What filters like map give: elements made as they are asked for, once.
class Iterator final : public Object {
 public:
  explicit Iterator(NextFn next) : next_(std::move(next)) {}
  std::string_view TypeName() const override { return "generator"; }
  NextFn Iterate(Runtime&) override {
    return [this](Value* out) { return next_(out); };
  }

 private:
  NextFn next_;
};

// dict.keys(), .values(), .items().
class DictView final : public Object {
 public:
  enum class Kind : uint8_t { kKeys, kValues, kItems };
  DictView(Value dict, Kind kind) : dict_(std::move(dict)), kind_(kind) {}
  std::string_view TypeName() const override;
  void Repr(Text& out, uint32_t depth) const override;
  std::optional<int64_t> Length(Runtime&) override { return static_cast<int64_t>(dict_.entries().size()); }
  bool Truth() const override { return dict_.entries().size() > 0; }
  NextFn Iterate(Runtime& rt) override;
  Kind kind() const { return kind_; }
  const Value& dict() const { return dict_; }

 private:
  const Value dict_;
  const Kind kind_;
};

// namespace(...): the one value that a template can change.
class Namespace final : public Object {
 public:
  std::string_view TypeName() const override { return "Namespace"; }
  void Repr(Text& out, uint32_t depth) const override;
  std::optional<Value> Attribute(Runtime& rt, std::string_view name) override;
  void Set(const std::string& name, Value value);
  void Clear() { attributes_.clear(); }

 private:
  std::vector<std::pair<std::string, Value>> attributes_;
};

// A function of the environment, or a method with its object.
class Function final : public Object {
 public:
  using Body = std::function<Value(Runtime&, const Args&)>;
  Function(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}
  std::string_view TypeName() const override { return "builtin_function_or_method"; }
  bool Callable() const override { return true; }
  Value Call(Runtime& rt, const Args& args) override { return body_(rt, args); }
  void Repr(Text& out, uint32_t depth) const override;

 private:
  const std::string name_;
  const Body body_;
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_OBJECTS_H_
