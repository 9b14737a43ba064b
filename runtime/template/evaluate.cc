// Expressions.
#include "absl/strings/str_cat.h"
#include "runtime/template/interpreter.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"

namespace linnet::jinja {

Value Interpreter::Evaluate(const Expr* expr, Scope& scope) {
  if (expr == nullptr) return {};
  const DepthGuard guard(rt_);
  if (!guard.ok || !rt_.Work(1)) return rt_.Undefined("");
  rt_.line = expr->line;
  return Compute(*expr, scope);
}

Value Interpreter::Compute(const Expr& expr, Scope& scope) {
  const auto child = [&](size_t i) { return Evaluate(expr.children[i], scope); };
  switch (expr.kind) {
    case ExprKind::kConst:
      return expr.value;
    case ExprKind::kName: {
      const Value& value = At(expr.place, scope);
      return value.missing() ? rt_.Undefined(absl::StrCat("'", expr.text, "' is undefined")) : value;
    }
    case ExprKind::kTuple:
      return rt_.NewTuple(EvaluateAll(expr.children, scope));
    case ExprKind::kList:
      return rt_.NewList(EvaluateAll(expr.children, scope));
    case ExprKind::kDict:
      return DictOf(expr, scope);
    case ExprKind::kCondition:
      if (Truth(child(0))) return child(1);
      if (expr.children[2] != nullptr) return child(2);
      return rt_.Undefined(absl::StrCat("the inline if-expression on line ", expr.line,
                                        " evaluated to false and no else section was defined."));
    case ExprKind::kAnd:
    case ExprKind::kOr: {
      Value left = child(0);
      return Truth(left) == (expr.kind == ExprKind::kOr) ? left : child(1);
    }
    case ExprKind::kNot:
      return Value::Bool(!Truth(child(0)));
    case ExprKind::kNegate:
      return Negate(rt_, child(0));
    case ExprKind::kPositive:
      return Positive(rt_, child(0));
    case ExprKind::kBinary: {
      const Value left = child(0);
      return Binary(rt_, expr.op, left, child(1));
    }
    case ExprKind::kConcat:
      return Concat(expr, scope);
    case ExprKind::kCompare:
      return Compare(expr, scope);
    case ExprKind::kAttribute:
      return GetAttribute(rt_, child(0), expr.text);
    case ExprKind::kItem: {
      const Value of = child(0);
      return GetItem(rt_, of, child(1));
    }
    case ExprKind::kSlice: {
      const Value of = child(0), begin = child(1), end = child(2);
      return GetSlice(rt_, of, begin, end, child(3));
    }
    case ExprKind::kCall: {
      const Value callee = child(0);
      return Call(callee, ArgumentsOf(expr.args, scope));
    }
    case ExprKind::kFilter:
      return ApplyFilter(expr, scope);
    case ExprKind::kTest: {
      if (expr.test == nullptr) return rt_.Fail(absl::StrCat("No test named '", expr.text, "' found."));
      const Value subject = child(0);
      const Args args = ArgumentsOf(expr.args, scope);
      return rt_.failed() ? rt_.Undefined("") : Value::Bool(expr.test(rt_, subject, args));
    }
  }
  return {};
}

std::vector<Value> Interpreter::EvaluateAll(const std::vector<Expr*>& exprs, Scope& scope) {
  std::vector<Value> values;
  values.reserve(exprs.size());
  for (const Expr* expr : exprs) values.push_back(Evaluate(expr, scope));
  return values;
}

Value Interpreter::DictOf(const Expr& expr, Scope& scope) {
  std::vector<std::pair<Value, Value>> entries;
  for (size_t i = 0; i + 1 < expr.children.size(); i += 2) {
    Value key = Evaluate(expr.children[i], scope);
    entries.emplace_back(std::move(key), Evaluate(expr.children[i + 1], scope));
  }
  return rt_.NewDict(entries);
}

bool Interpreter::CompareTwo(Comparison op, const Value& left, const Value& right) {
  switch (op) {
    case Comparison::kEq:
      return Equal(rt_, left, right);
    case Comparison::kNe:
      return !Equal(rt_, left, right);
    case Comparison::kLt:
      return Less(rt_, left, right);
    case Comparison::kGt:
      return Less(rt_, right, left);
    case Comparison::kLe:
      return Less(rt_, left, right) || Equal(rt_, left, right);
    case Comparison::kGe:
      return Less(rt_, right, left) || Equal(rt_, left, right);
    case Comparison::kIn:
      return Contains(rt_, right, left);
    case Comparison::kNotIn:
      return !Contains(rt_, right, left);
  }
  return false;
}

// a < b < c is a < b and b < c.
Value Interpreter::Compare(const Expr& expr, Scope& scope) {
  Value left = Evaluate(expr.children[0], scope);
  for (size_t i = 0; i < expr.compare_ops.size(); ++i) {
    Value right = Evaluate(expr.children[i + 1], scope);
    if (rt_.failed() || !CompareTwo(expr.compare_ops[i], left, right)) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

Value Interpreter::Concat(const Expr& expr, Scope& scope) {
  Text text;
  for (const Value& part : EvaluateAll(expr.children, scope)) text.Append(StrOf(part));
  return rt_.Str(std::move(text));
}

Args Interpreter::ArgumentsOf(const CallArgsExpr& args, Scope& scope) {
  Args out;
  out.positional = EvaluateAll(args.positional, scope);
  for (const auto& [name, expr] : args.keywords) out.keywords.emplace_back(name, Evaluate(expr, scope));
  if (args.star != nullptr) Collect(rt_, Evaluate(args.star, scope), &out.positional);
  if (args.star_star == nullptr) return out;
  const Value more = Evaluate(args.star_star, scope);
  if (!more.dict()) {
    rt_.Fail(absl::StrCat("argument after ** must be a mapping, not ", std::string(more.TypeName())));
    return out;
  }
  for (const auto& [key, value] : more.entries().entries()) {
    if (key.string()) {
      out.keywords.emplace_back(key.view(), value);
    } else {
      rt_.Fail("keywords must be strings");
    }
  }
  return out;
}

Value Interpreter::Call(const Value& callee, const Args& args) {
  if (rt_.failed()) return rt_.Undefined("");
  if (callee.undefined()) return rt_.Fail(callee.why());
  if (!callee.Is(Value::Kind::kObject) || !callee.object().Callable()) {
    return rt_.Fail(absl::StrCat("'", std::string(callee.TypeName()), "' object is not callable"));
  }
  return callee.object().Call(rt_, args);
}

Value Interpreter::ApplyFilter(const Expr& expr, Scope& scope) {
  if (expr.filter == nullptr) return rt_.Fail(absl::StrCat("No filter named '", expr.text, "' found."));
  const Value subject = expr.children[0] != nullptr ? Evaluate(expr.children[0], scope) : filtered_;
  const Args args = ArgumentsOf(expr.args, scope);
  return rt_.failed() ? rt_.Undefined("") : expr.filter(rt_, subject, args);
}

}  // namespace linnet::jinja
