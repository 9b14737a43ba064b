// Gives every name of a tree its place, frame by frame, and every filter and test its function.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/utf8.h"
#include "runtime/template/parser.h"
#include "runtime/template/symbols.h"

namespace linnet::jinja {
namespace {

// Does the body read `name` before anything in it assigns it?
class Mentions {
 public:
  explicit Mentions(std::string name) : name_(std::move(name)) {}
  bool In(const Body& body) {
    for (const Stmt* stmt : body) Look(*stmt);
    return found_;
  }

 private:
  void Look(const Expr* expr) {
    if (expr == nullptr || found_ || hidden_) return;
    if (expr->kind == ExprKind::kName && expr->text == name_) found_ = true;
    for (const Expr* child : expr->children) Look(child);
    for (const Expr* arg : expr->args.positional) Look(arg);
    for (const auto& [keyword, arg] : expr->args.keywords) Look(arg);
    Look(expr->args.star);
    Look(expr->args.star_star);
  }
  void Look(const Target& target) {
    if (target.kind == Target::Kind::kName && target.name == name_) hidden_ = true;
    for (const Target& part : target.parts) Look(part);
  }
  // In the order of Jinja's nodes: a set's target comes before its value.
  void Look(const Stmt& stmt) {
    for (const Target& target : stmt.targets) Look(target);
    for (const Parameter& parameter : stmt.parameters) {
      if (parameter.name == name_) hidden_ = true;
      Look(parameter.otherwise);
    }
    Look(stmt.value);
    Look(stmt.test);
    for (const Expr* expr : stmt.exprs) Look(expr);
    for (const Branch& branch : stmt.branches) {
      Look(branch.test);
      In(branch.body);
    }
    In(stmt.body);
    In(stmt.otherwise);
  }

  const std::string name_;
  bool found_ = false, hidden_ = false;
};

class Resolver {
 public:
  absl::Status Run(Tree& tree) {
    Symbols symbols(nullptr);
    symbols.Statements(tree.body);
    Statements(tree.body, symbols, false);
    tree.frame = symbols.ToFrame();
    return status_;
  }

 private:
  void Fail(std::string what, int line) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
  }

  // soft: a condition may keep it from being executed, so an unknown filter is an error only when reached.
  void Expression(Expr* expr, Symbols& symbols, bool soft) {
    if (expr == nullptr) return;
    if (expr->kind == ExprKind::kName) expr->place = symbols.PlaceOf(expr->text);
    if (expr->kind == ExprKind::kFilter) {
      expr->filter = FindFilter(expr->text);
      if (expr->filter == nullptr && !soft) Unknown("filter", *expr);
    }
    if (expr->kind == ExprKind::kTest) {
      expr->test = FindTest(expr->text);
      if (expr->test == nullptr && !soft) Unknown("test", *expr);
    }
    const bool inner = soft || expr->kind == ExprKind::kCondition;
    for (Expr* child : expr->children) Expression(child, symbols, inner);
    for (Expr* arg : expr->args.positional) Expression(arg, symbols, inner);
    for (auto& [name, arg] : expr->args.keywords) Expression(arg, symbols, inner);
    Expression(expr->args.star, symbols, inner);
    Expression(expr->args.star_star, symbols, inner);
  }

  void Unknown(const char* what, const Expr& expr) {
    Fail(absl::StrCat("No ", what, " named '", base::OneLine(expr.text, 60), "'."), expr.line);
  }

  void Place(Target& target, Symbols& symbols, bool parameter) {
    if (target.kind == Target::Kind::kName && target.name == "loop" && loops_ > 0 && !parameter) {
      Fail("Can't assign to special loop variable in for-loop target", target.line);
    }
    if (target.kind != Target::Kind::kTuple) target.place = symbols.PlaceOf(target.name);
    for (Target& part : target.parts) Place(part, symbols, parameter);
  }

  void Statements(const Body& body, Symbols& symbols, bool soft) {
    for (Stmt* stmt : body) Statement(*stmt, symbols, soft);
  }

  void Statement(Stmt& stmt, Symbols& symbols, bool soft) {
    switch (stmt.kind) {
      case StmtKind::kOutput:
        for (Expr* expr : stmt.exprs) Expression(expr, symbols, soft);
        return;
      case StmtKind::kFor:
        return For(stmt, symbols, soft);
      case StmtKind::kIf:
        for (Branch& branch : stmt.branches) {
          Expression(branch.test, symbols, true);
          Statements(branch.body, symbols, true);
        }
        return;
      case StmtKind::kSet:
        Expression(stmt.value, symbols, soft);
        return Place(stmt.targets[0], symbols, false);
      case StmtKind::kSetBlock:
      case StmtKind::kFilterBlock: {
        Symbols inner(&symbols);
        inner.Statements(stmt.body);
        if (stmt.kind == StmtKind::kFilterBlock) inner.ReadExpr(stmt.value);
        Statements(stmt.body, inner, false);
        Expression(stmt.value, inner, false);
        if (stmt.kind == StmtKind::kSetBlock) Place(stmt.targets[0], symbols, false);
        stmt.frame = inner.ToFrame();
        return;
      }
      case StmtKind::kMacro:
        Macro(stmt, symbols);
        stmt.place = symbols.PlaceOf(stmt.text);
        return;
      case StmtKind::kCallBlock:
        Macro(stmt, symbols);
        return Expression(stmt.value, symbols, soft);
      case StmtKind::kWith: {
        Symbols inner(&symbols);
        for (const Target& target : stmt.targets) inner.AssignTarget(target, true);
        inner.Statements(stmt.body);
        for (Expr* expr : stmt.exprs) Expression(expr, symbols, soft);
        for (Target& target : stmt.targets) Place(target, inner, true);
        Statements(stmt.body, inner, false);
        stmt.frame = inner.ToFrame();
        return;
      }
      case StmtKind::kBreak:
      case StmtKind::kContinue:
        return;
    }
  }

  void For(Stmt& stmt, Symbols& symbols, bool soft) {
    Symbols inner(&symbols), otherwise(&symbols), test(&symbols);
    if (stmt.recursive || Mentions("loop").In(stmt.body)) stmt.loop_slot = inner.Parameter("loop");
    inner.AssignTarget(stmt.targets[0], true);
    inner.Statements(stmt.body);
    otherwise.Statements(stmt.otherwise);
    Expression(stmt.value, symbols, soft);
    ++loops_;
    if (stmt.test != nullptr) {
      test.AssignTarget(stmt.targets[0], true);
      test.ReadExpr(stmt.test);
      stmt.test_targets = stmt.targets;
      Place(stmt.test_targets[0], test, false);
      Expression(stmt.test, test, false);
      stmt.test_frame = test.ToFrame();
    }
    Place(stmt.targets[0], inner, false);
    Statements(stmt.body, inner, false);
    Statements(stmt.otherwise, otherwise, false);
    --loops_;
    stmt.frame = inner.ToFrame();
    stmt.otherwise_frame = otherwise.ToFrame();
  }

  void Macro(Stmt& stmt, Symbols& symbols) {
    Symbols inner(&symbols);
    const auto declare = [&] {
      for (Parameter& parameter : stmt.parameters) parameter.slot = inner.Parameter(parameter.name);
      for (const Parameter& parameter : stmt.parameters) inner.ReadExpr(parameter.otherwise);
    };
    declare();
    const auto is_parameter = [&](std::string_view name) {
      return std::any_of(stmt.parameters.begin(), stmt.parameters.end(),
                         [&](const Parameter& p) { return p.name == name; });
    };
    stmt.caller_is_parameter = is_parameter("caller");
    if (Mentions("caller").In(stmt.body)) {
      if (!stmt.caller_is_parameter) {
        stmt.caller_slot = inner.Parameter("caller");
      } else {
        const auto caller = std::find_if(stmt.parameters.begin(), stmt.parameters.end(),
                                         [](const Parameter& p) { return p.name == "caller"; });
        if (caller->otherwise == nullptr) {
          Fail("the special \"caller\" argument must be omitted or be given a default", stmt.line);
        }
      }
    }
    if (!is_parameter("kwargs") && Mentions("kwargs").In(stmt.body))
      stmt.kwargs_slot = inner.Parameter("kwargs");
    if (!is_parameter("varargs") && Mentions("varargs").In(stmt.body))
      stmt.varargs_slot = inner.Parameter("varargs");
    inner.Statements(stmt.body);
    for (Parameter& parameter : stmt.parameters) Expression(parameter.otherwise, inner, false);
    Statements(stmt.body, inner, false);
    stmt.frame = inner.ToFrame();
  }

  absl::Status status_;
  int loops_ = 0;
};

}  // namespace

absl::Status ResolveNames(Tree& tree) { return Resolver().Run(tree); }

}  // namespace linnet::jinja
