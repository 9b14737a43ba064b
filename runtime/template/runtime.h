#ifndef LINNET_RUNTIME_TEMPLATE_RUNTIME_H_
#define LINNET_RUNTIME_TEMPLATE_RUNTIME_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "runtime/template/limits.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

class Namespace;

// What every operation of one rendering shares: limits, the wall clock, and the first error. An operation
// that fails calls Fail and returns what that gives; whoever loops asks failed(). After a failure values mean
// nothing, but are safe to compute with; the output is thrown away.
class Runtime {
 public:
  Runtime(const Limits& limits, const WallClock& now);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // The first error counts. Returns an undefined value.
  Value Fail(std::string what);       // InvalidArgument "line N: what"
  Value FailLimit(std::string what);  // ResourceExhausted
  bool failed() const { return !status_.ok(); }
  const absl::Status& status() const { return status_; }

  // Counts work: a step is an operation on something small, or 64 bytes read or written. False: too much.
  bool Work(size_t steps);
  bool WorkBytes(size_t bytes) { return Work(1 + bytes / 64); }

  // Counts memory that is held to the end.
  void Hold(size_t bytes) { budget_.used_bytes += bytes; }

  Value Undefined(std::string why);
  Value Str(Text text, bool markup = false);
  Value Trusted(std::string_view text) { return Str(Text(text, true)); }
  Value NewList(std::vector<Value> items);
  Value NewTuple(std::vector<Value> items);
  // A tuple (grouper, list) with those attributes.
  Value NewGroup(Value grouper, Value list);
  Value NewDict(const std::vector<std::pair<Value, Value>>& entries);
  // children: how deep what the object holds is nested.
  Value NewObject(std::shared_ptr<Object> object, uint32_t children_depth);
  Value NewNamespace(std::shared_ptr<Namespace> ns);

  const Limits& limits() const { return limits_; }
  const WallClock& now() const { return now_; }

  int line = 1;        // of what is being evaluated
  uint32_t depth = 0;  // of evaluation, see DepthGuard

 private:
  Value Made(Value::Kind kind, std::shared_ptr<Heap> heap, size_t bytes, uint32_t children_depth);

  const Limits limits_;
  const WallClock now_;
  absl::Status status_;
  size_t steps_ = 0;
  Budget budget_;
  // Namespaces can hold each other; their contents are dropped one by one at the end, so that neither cycles
  // nor long chains matter.
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

// Fails where recursion would go too deep: `if (!guard.ok) return ...`.
class DepthGuard {
 public:
  explicit DepthGuard(Runtime& rt);
  ~DepthGuard() { --rt_.depth; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  bool ok;

 private:
  Runtime& rt_;
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_RUNTIME_H_
