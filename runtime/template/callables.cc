#include "runtime/template/callables.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/call_args.h"
#include "runtime/template/objects.h"
#include "runtime/template/operations.h"

namespace linnet::jinja {

std::optional<Value> Macro::Attribute(Runtime& rt, std::string_view name) {
  if (name == "name") return name_.empty() ? Value::None() : rt.Trusted(name_);
  if (name == "caller") return Value::Bool(stmt_.caller_slot != kNoSlot || stmt_.caller_is_parameter);
  if (name == "catch_kwargs") return Value::Bool(stmt_.kwargs_slot != kNoSlot);
  if (name == "catch_varargs") return Value::Bool(stmt_.varargs_slot != kNoSlot);
  if (name != "arguments") return std::nullopt;
  std::vector<Value> names;
  for (const Parameter& parameter : stmt_.parameters) names.push_back(rt.Trusted(parameter.name));
  return rt.NewTuple(std::move(names));
}

void Macro::Repr(Text& out, uint32_t) const {
  out.Append(name_.empty() ? "<Macro anonymous>" : absl::StrCat("<Macro '", name_, "'>"), false);
}

bool LoopObject::Peek() { return !after_.missing() || source_(&after_); }

bool LoopObject::Advance(Value* item) {
  if (!Peek()) return false;
  ++index0_;
  before_ = std::exchange(now_, std::exchange(after_, Value()));
  *item = now_;
  return true;
}

int64_t LoopObject::Total(Runtime& rt) {
  if (length_ >= 0) return length_;
  if (!items_.missing()) {
    if (const std::optional<int64_t> known = linnet::jinja::Length(rt, items_)) return length_ = *known;
  }
  std::vector<Value> rest;
  for (Value item; rt.Work(1) && source_(&item);) rest.push_back(item);
  length_ = index0_ + 1 + (after_.missing() ? 0 : 1) + static_cast<int64_t>(rest.size());
  source_ = [rest = std::move(rest), i = size_t{0}](Value* out) mutable {
    if (i >= rest.size()) return false;
    *out = rest[i++];
    return true;
  };
  return length_;
}

std::optional<int64_t> LoopObject::Length(Runtime& rt) { return Total(rt); }

std::optional<Value> LoopObject::Attribute(Runtime& rt, std::string_view name) {
  if (name == "index") return Value::Int(index0_ + 1);
  if (name == "index0") return Value::Int(index0_);
  if (name == "first") return Value::Bool(index0_ == 0);
  if (name == "last") return Value::Bool(!Peek());
  if (name == "length") return Value::Int(Total(rt));
  if (name == "revindex") return Value::Int(Total(rt) - index0_);
  if (name == "revindex0") return Value::Int(Total(rt) - index0_ - 1);
  if (name == "depth") return Value::Int(depth0_ + 1);
  if (name == "depth0") return Value::Int(depth0_);
  if (name == "previtem") return index0_ == 0 ? rt.Undefined("there is no previous item") : before_;
  if (name == "nextitem") return Peek() ? after_ : rt.Undefined("there is no next item");
  if (name == "cycle") {
    auto body = [i = index0_](Runtime& r, const Args& args) {
      if (args.positional.empty()) return r.Fail("no items for cycling given");
      return args.positional[static_cast<size_t>(i) % args.positional.size()];
    };
    return rt.NewObject(std::make_shared<Function>("cycle", std::move(body)), 0);
  }
  if (name == "changed") {
    auto body = [this](Runtime& r, const Args& args) { return Changed(r, args); };
    return rt.NewObject(std::make_shared<Function>("changed", std::move(body)), depth);
  }
  return std::nullopt;
}

Value LoopObject::Changed(Runtime& rt, const Args& args) {
  bool same = changed_called_ && changed_.size() == args.positional.size();
  for (size_t i = 0; same && i < changed_.size(); ++i) same = Equal(rt, changed_[i], args.positional[i]);
  changed_called_ = true;
  changed_ = args.positional;
  return Value::Bool(!same);
}

Value LoopObject::Call(Runtime& rt, const Args& args) {
  CallArgs a(rt, "loop", args, {"iterable"}, 1);
  if (!a.ok()) return rt.Undefined("");
  if (!stmt_.recursive) return rt.Fail("The loop must have the 'recursive' marker to be called recursively.");
  return interpreter_.LoopText(stmt_, outer_, a[0], depth0_ + 1);
}

void LoopObject::Repr(Text& out, uint32_t) const {
  out.Append(absl::StrCat("<LoopContext ", index0_ + 1, "/", std::max<int64_t>(length_, 0), ">"), false);
}

Value Interpreter::LoopText(const Stmt& loop, Scope* outer, const Value& items, int64_t depth) {
  const DepthGuard guard(rt_);
  if (!guard.ok) return rt_.Undefined("");
  Text text;
  Text* const before = std::exchange(out_, &text);
  Loop(loop, outer, items, depth);
  out_ = before;
  return rt_.Str(std::move(text));
}

// Only the elements that the loop's condition holds for.
NextFn Interpreter::Filtered(const Stmt& stmt, Scope* outer, NextFn source) {
  Scope& scope = NewScope(stmt.test_frame, outer);
  return [this, &stmt, &scope, source = std::move(source)](Value* out) {
    for (Value item; rt_.Work(1) && source(&item);) {
      Assign(stmt.test_targets[0], item, scope);
      if (!Truth(Evaluate(stmt.test, scope)) || rt_.failed()) continue;
      *out = item;
      return true;
    }
    return false;
  };
}

Interpreter::Flow Interpreter::Loop(const Stmt& stmt, Scope* outer, const Value& items, int64_t depth) {
  if (rt_.failed()) return Flow::kOn;
  NextFn source = Iterate(rt_, items);
  if (source == nullptr) return Flow::kOn;
  if (stmt.test != nullptr) source = Filtered(stmt, outer, std::move(source));
  auto loop = std::make_shared<LoopObject>(*this, stmt, outer, stmt.test == nullptr ? items : Value(),
                                           std::move(source), depth);
  const Value variable = rt_.NewObject(loop, items.depth());
  Scope& scope = NewScope(stmt.frame, outer);
  // Jinja's: an iteration that breaks off does not count against the else.
  bool ended_one = false;
  for (Value item; rt_.Work(1) && loop->Advance(&item);) {
    Enter(stmt.frame, scope);
    if (stmt.loop_slot != kNoSlot) scope.slots[stmt.loop_slot] = variable;
    Assign(stmt.targets[0], item, scope);
    const Flow flow = Execute(stmt.body, scope);
    if (rt_.failed() || flow == Flow::kBreak) break;
    if (flow == Flow::kOn) ended_one = true;
  }
  for (Value& slot : scope.slots) slot = Value();
  if (ended_one || rt_.failed()) return Flow::kOn;
  return Execute(stmt.otherwise, NewScope(stmt.otherwise_frame, outer));
}

Value Interpreter::CallMacro(const Stmt& macro, std::string_view name, Scope* outer, const Args& args) {
  const DepthGuard guard(rt_);
  if (!guard.ok) return rt_.Undefined("");
  const int line = rt_.line;
  Scope& scope = NewScope(macro.frame, outer);
  std::vector<std::pair<std::string, Value>> keywords = args.keywords;
  const auto take = [&](std::string_view wanted) {
    const auto found =
        std::find_if(keywords.begin(), keywords.end(), [&](const auto& k) { return k.first == wanted; });
    if (found == keywords.end()) return Value();
    Value value = std::move(found->second);
    keywords.erase(found);
    return value;
  };
  const size_t count = macro.parameters.size();
  for (size_t i = 0; i < count; ++i) {
    const Parameter& parameter = macro.parameters[i];
    scope.slots[parameter.slot] = i < args.positional.size() ? args.positional[i] : take(parameter.name);
  }
  if (macro.caller_slot != kNoSlot) {
    const Value caller = take("caller");
    scope.slots[macro.caller_slot] =
        caller.missing() || caller.none() ? rt_.Undefined("No caller defined") : caller;
  }
  if (macro.kwargs_slot != kNoSlot) {
    std::vector<std::pair<Value, Value>> rest;
    for (const auto& [keyword, value] : keywords) rest.emplace_back(rt_.Trusted(keyword), value);
    scope.slots[macro.kwargs_slot] = rt_.NewDict(rest);
  } else if (!keywords.empty()) {
    return rt_.Fail(
        absl::StrCat("macro '", std::string(name), "' takes no keyword argument '", keywords[0].first, "'"));
  }
  if (macro.varargs_slot != kNoSlot) {
    const size_t named = std::min(count, args.positional.size());
    scope.slots[macro.varargs_slot] =
        rt_.NewTuple({args.positional.begin() + static_cast<ptrdiff_t>(named), args.positional.end()});
  } else if (args.positional.size() > count) {
    return rt_.Fail(
        absl::StrCat("macro '", std::string(name), "' takes not more than ", count, " argument(s)"));
  }
  for (const Parameter& parameter : macro.parameters) {
    Value& slot = scope.slots[parameter.slot];
    if (!slot.missing()) continue;
    slot = parameter.otherwise != nullptr
               ? Evaluate(parameter.otherwise, scope)
               : rt_.Undefined(absl::StrCat("parameter '", parameter.name, "' was not provided"));
  }
  Text text;
  Capture(macro.body, scope, &text);
  rt_.line = line;
  return rt_.Str(std::move(text));
}

}  // namespace linnet::jinja
