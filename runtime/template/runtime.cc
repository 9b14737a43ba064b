#include "runtime/template/runtime.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/objects.h"

namespace linnet::jinja {

Runtime::Runtime(const Limits& limits, const WallClock& now) : limits_(limits), now_(now) {
  budget_.limit_bytes = limits.memory_bytes;
}

Runtime::~Runtime() {
  for (const std::shared_ptr<Namespace>& ns : namespaces_) ns->Clear();
}

Value Runtime::Fail(std::string what) {
  if (status_.ok()) status_ = absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
  return {Value::Kind::kUndefined, std::make_shared<UndefinedValue>(std::move(what))};
}

Value Runtime::FailLimit(std::string what) {
  if (status_.ok()) status_ = absl::ResourceExhaustedError(absl::StrCat("line ", line, ": ", what));
  return Fail(std::move(what));
}

bool Runtime::Work(size_t steps) {
  steps_ += std::min(steps, limits_.steps + 1);
  if (steps_ > limits_.steps) {
    FailLimit(absl::StrCat("the template does more than ", limits_.steps, " steps of work"));
    steps_ = limits_.steps + 1;
  }
  return !failed();
}

Value Runtime::Made(Value::Kind kind, std::shared_ptr<Heap> heap, size_t bytes, uint32_t children_depth) {
  heap->Charge(&budget_, bytes + 64);
  heap->depth = children_depth + 1;
  WorkBytes(bytes);
  if (budget_.exceeded()) {
    FailLimit(absl::StrCat("the template's values take more than ", limits_.memory_bytes >> 20, " MiB"));
  }
  if (heap->depth > Limits::kNesting) {
    return FailLimit(absl::StrCat("values are nested more than ", Limits::kNesting, " deep"));
  }
  return {kind, std::move(heap)};
}

Value Runtime::Undefined(std::string why) {
  const size_t bytes = why.size();
  return Made(Value::Kind::kUndefined, std::make_shared<UndefinedValue>(std::move(why)), bytes, 0);
}

Value Runtime::Str(Text text, bool markup) {
  if (text.overflowed()) {
    FailLimit(absl::StrCat("a string grows beyond ", Text::kMaxBytes >> 20, " MiB"));
    text = Text();
  }
  const size_t bytes = text.size() + text.runs().size() * sizeof(Text::Run);
  return Made(Value::Kind::kString, std::make_shared<String>(std::move(text), markup), bytes, 0);
}

namespace {

uint32_t DeepestOf(const std::vector<Value>& items) {
  uint32_t depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  return depth;
}

}  // namespace

Value Runtime::NewList(std::vector<Value> items) {
  const uint32_t deepest = DeepestOf(items);
  const size_t bytes = items.size() * sizeof(Value);
  return Made(Value::Kind::kList, std::make_shared<List>(std::move(items)), bytes, deepest);
}

Value Runtime::NewTuple(std::vector<Value> items) {
  const uint32_t deepest = DeepestOf(items);
  const size_t bytes = items.size() * sizeof(Value);
  return Made(Value::Kind::kTuple, std::make_shared<List>(std::move(items)), bytes, deepest);
}

Value Runtime::NewGroup(Value grouper, Value list) {
  const uint32_t deepest = std::max(grouper.depth(), list.depth());
  auto tuple = std::make_shared<List>(std::vector<Value>{std::move(grouper), std::move(list)});
  tuple->group = true;
  return Made(Value::Kind::kTuple, std::move(tuple), 2 * sizeof(Value), deepest);
}

Value Runtime::NewDict(const std::vector<std::pair<Value, Value>>& entries) {
  auto dict = std::make_shared<Dict>();
  uint32_t deepest = 0;
  size_t bytes = 0;
  for (const auto& [key, value] : entries) {
    const std::optional<std::string> hash = HashKey(key);
    if (!hash) return Fail(absl::StrCat("unhashable type: '", std::string(key.TypeName()), "'"));
    deepest = std::max({deepest, key.depth(), value.depth()});
    bytes += 2 * hash->size() + 2 * sizeof(Value) + 32;
    dict->Set(*hash, key, value);
  }
  return Made(Value::Kind::kDict, std::move(dict), bytes, deepest);
}

Value Runtime::NewObject(std::shared_ptr<Object> object, uint32_t children_depth) {
  return Made(Value::Kind::kObject, std::move(object), 128, children_depth);
}

Value Runtime::NewNamespace(std::shared_ptr<Namespace> ns) {
  namespaces_.push_back(ns);
  return Made(Value::Kind::kObject, std::move(ns), 512, 0);
}

DepthGuard::DepthGuard(Runtime& rt) : rt_(rt) {
  ++rt_.depth;
  ok = rt_.depth <= rt_.limits().depth && !rt_.failed();
  if (rt_.depth > rt_.limits().depth) rt_.FailLimit("the template recurses too deeply");
}

}  // namespace linnet::jinja
