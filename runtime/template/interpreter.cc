#include "runtime/template/interpreter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/template/callables.h"
#include "runtime/template/globals.h"
#include "runtime/template/objects.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"

namespace linnet::jinja {

absl::StatusOr<Text> Interpreter::Run() {
  Text text;
  Capture(tree_.body, NewScope(tree_.frame, nullptr), &text);
  if (text.overflowed() || text.size() > rt_.limits().output_bytes) {
    rt_.FailLimit(absl::StrCat("the prompt grows beyond ", rt_.limits().output_bytes >> 20, " MiB"));
  }
  // Values end before the runtime that counts them does.
  scopes_.clear();
  variables_.clear();
  filtered_ = Value();
  if (rt_.failed()) return rt_.status();
  return text;
}

Scope& Interpreter::NewScope(const Frame& frame, Scope* outer) {
  rt_.Hold(sizeof(Scope) + frame.slots * sizeof(Value));
  rt_.Work(1 + frame.slots);
  Scope& scope = scopes_.emplace_back(Scope{outer, {}});
  scope.slots.resize(frame.slots);
  Enter(frame, scope);
  return scope;
}

void Interpreter::Enter(const Frame& frame, Scope& scope) {
  rt_.Work(frame.loads.size());
  for (const Load& load : frame.loads) {
    Value& slot = scope.slots[load.slot];
    slot = Value();
    if (load.kind == Load::Kind::kAlias) slot = At(load.from, scope);
    if (load.kind != Load::Kind::kResolve) continue;
    const auto found = variables_.find(load.name);
    slot = found != variables_.end() ? found->second : FindGlobal(rt_, load.name);
  }
}

Value& Interpreter::At(const Place& place, Scope& scope) {
  Scope* at = &scope;
  for (uint32_t up = place.up; up > 0; --up) at = at->outer;
  return at->slots[place.slot];
}

Interpreter::Flow Interpreter::Execute(const Body& body, Scope& scope) {
  for (const Stmt* stmt : body) {
    const Flow flow = Statement(*stmt, scope);
    if (flow != Flow::kOn || rt_.failed()) return flow;
  }
  return Flow::kOn;
}

Interpreter::Flow Interpreter::Statement(const Stmt& stmt, Scope& scope) {
  const DepthGuard guard(rt_);
  if (!guard.ok || !rt_.Work(1)) return Flow::kOn;
  rt_.line = stmt.line;
  switch (stmt.kind) {
    case StmtKind::kOutput:
      Output(stmt, scope);
      return Flow::kOn;
    case StmtKind::kFor: {
      const Value items = Evaluate(stmt.value, scope);
      if (!stmt.recursive) return Loop(stmt, &scope, items, 0);
      Write(StrOf(LoopText(stmt, &scope, items, 0)));
      return Flow::kOn;
    }
    case StmtKind::kIf:
      for (const Branch& branch : stmt.branches) {
        if (branch.test == nullptr || Truth(Evaluate(branch.test, scope))) return Execute(branch.body, scope);
      }
      return Flow::kOn;
    case StmtKind::kSet:
      Assign(stmt.targets[0], Evaluate(stmt.value, scope), scope);
      return Flow::kOn;
    case StmtKind::kSetBlock:
      return SetBlock(stmt, scope);
    case StmtKind::kMacro: {
      auto macro = std::make_shared<Macro>(*this, stmt, stmt.text, &scope);
      At(stmt.place, scope) = rt_.NewObject(std::move(macro), 0);
      return Flow::kOn;
    }
    case StmtKind::kCallBlock:
      CallBlock(stmt, scope);
      return Flow::kOn;
    case StmtKind::kFilterBlock:
      return FilterBlock(stmt, scope);
    case StmtKind::kWith:
      return With(stmt, scope);
    case StmtKind::kBreak:
      return Flow::kBreak;
    case StmtKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kOn;
}

void Interpreter::Write(const Text& text) {
  if (rt_.failed() || !rt_.WorkBytes(text.size())) return;
  out_->Append(text);
  if (out_->overflowed())
    rt_.FailLimit(absl::StrCat("the prompt grows beyond ", Text::kMaxBytes >> 20, " MiB"));
}

void Interpreter::Output(const Stmt& stmt, Scope& scope) {
  for (const Expr* expr : stmt.exprs) {
    const Value value = Evaluate(expr, scope);
    if (rt_.failed()) return;
    Write(value.string() ? value.text() : StrOf(value));
  }
}

Interpreter::Flow Interpreter::Capture(const Body& body, Scope& scope, Text* text) {
  Text* const before = std::exchange(out_, text);
  const Flow flow = Execute(body, scope);
  out_ = before;
  return flow;
}

Interpreter::Flow Interpreter::SetBlock(const Stmt& stmt, Scope& scope) {
  Text text;
  Scope& inner = NewScope(stmt.frame, &scope);
  const Flow flow = Capture(stmt.body, inner, &text);
  if (flow != Flow::kOn || rt_.failed()) return flow;
  Value value = rt_.Str(std::move(text));
  if (stmt.value != nullptr) {
    const Value before = std::exchange(filtered_, value);
    value = Evaluate(stmt.value, inner);
    filtered_ = before;
  }
  Assign(stmt.targets[0], value, scope);
  return Flow::kOn;
}

Interpreter::Flow Interpreter::FilterBlock(const Stmt& stmt, Scope& scope) {
  Text text;
  Scope& inner = NewScope(stmt.frame, &scope);
  const Flow flow = Capture(stmt.body, inner, &text);
  if (flow != Flow::kOn || rt_.failed()) return flow;
  const Value before = std::exchange(filtered_, rt_.Str(std::move(text)));
  Write(StrOf(Evaluate(stmt.value, inner)));
  filtered_ = before;
  return Flow::kOn;
}

Interpreter::Flow Interpreter::With(const Stmt& stmt, Scope& scope) {
  Scope& inner = NewScope(stmt.frame, &scope);
  for (size_t i = 0; i < stmt.targets.size(); ++i) {
    Assign(stmt.targets[i], Evaluate(stmt.exprs[i], scope), inner);
  }
  return Execute(stmt.body, inner);
}

void Interpreter::CallBlock(const Stmt& stmt, Scope& scope) {
  if (stmt.value == nullptr) {  // a generation block
    return Write(StrOf(CallMacro(stmt, "", &scope, {})));
  }
  const Value caller = rt_.NewObject(std::make_shared<Macro>(*this, stmt, "", &scope), 0);
  const Value callee = Evaluate(stmt.value->children[0], scope);
  Args args = ArgumentsOf(stmt.value->args, scope);
  args.keywords.emplace_back("caller", caller);
  const Value result = Call(callee, args);
  if (rt_.failed()) return;
  if (!result.string()) {
    rt_.Fail(absl::StrCat("a call block needs a text, found '", std::string(result.TypeName()), "'"));
    return;
  }
  Write(result.text());
}

void Interpreter::Assign(const Target& target, const Value& value, Scope& scope) {
  if (rt_.failed()) return;
  if (target.kind == Target::Kind::kName) {
    At(target.place, scope) = value;
    return;
  }
  if (target.kind == Target::Kind::kAttribute) {
    const Value& holder = At(target.place, scope);
    auto* ns = holder.Is(Value::Kind::kObject) ? dynamic_cast<Namespace*>(&holder.object()) : nullptr;
    if (ns == nullptr) {
      rt_.Fail("cannot assign attribute on non-namespace object");
    } else {
      rt_.Hold(sizeof(Value));
      ns->Set(target.attribute, value);
    }
    return;
  }
  std::vector<Value> parts;
  if (!Collect(rt_, value, &parts)) return;
  if (parts.size() != target.parts.size()) {
    rt_.Fail(absl::StrCat("cannot unpack ", parts.size(), " values into ", target.parts.size()));
    return;
  }
  for (size_t i = 0; i < parts.size(); ++i) Assign(target.parts[i], parts[i], scope);
}

}  // namespace linnet::jinja
