// Statements: what stands between {% and %}.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/utf8.h"
#include "runtime/template/parser.h"
#include "runtime/template/parser_nested.h"

namespace linnet::jinja {

// Up to a tag that begins with one of `ends`, at whose name it stops (none: to the end of the template).
Body Parser::ParseBody(std::initializer_list<std::string_view> ends) {
  const Nested nested(*this);
  Body body;
  Stmt* output = nullptr;  // consecutive texts and expressions are one
  const auto add = [&](Expr* expr, int line) {
    if (output == nullptr) body.push_back(output = NewStmt(StmtKind::kOutput, line));
    output->exprs.push_back(expr);
  };
  while (!At(TokenKind::kEnd)) {
    const int line = Now().line;
    if (At(TokenKind::kData)) {
      Expr* text = New(ExprKind::kConst, line);
      text->value = Value(Value::Kind::kString, std::make_shared<String>(Text(Now().text, true), false));
      Next();
      add(text, line);
    } else if (At(TokenKind::kVariableBegin)) {
      Next();
      add(ParseTuple(true), line);
      Expect(TokenKind::kVariableEnd, "end of print statement");
    } else {
      output = nullptr;
      Expect(TokenKind::kBlockBegin, "a tag");
      if (At(TokenKind::kName) && std::find(ends.begin(), ends.end(), Now().text) != ends.end()) return body;
      ParseStatement(&body);
      Expect(TokenKind::kBlockEnd, "end of statement block");
    }
  }
  if (ends.size() > 0) {
    Fail(absl::StrCat("Unexpected end of template, expected ", std::string(*ends.begin())), Now().line);
  }
  return body;
}

Body Parser::ParseBlock(std::initializer_list<std::string_view> ends) {
  SkipOperator(":");
  Expect(TokenKind::kBlockEnd, "end of statement block");
  return ParseBody(ends);
}

void Parser::ParseStatement(Body* out) {
  if (!At(TokenKind::kName)) return FailHere("a tag name");
  const std::string name = Now().text;
  const int line = Now().line;
  Next();
  if (name == "for") return out->push_back(ParseFor());
  if (name == "if") return out->push_back(ParseIf());
  if (name == "set") return out->push_back(ParseSet());
  if (name == "macro") return out->push_back(ParseMacro());
  if (name == "call") return out->push_back(ParseCall());
  if (name == "filter") return out->push_back(ParseFilterBlock());
  if (name == "generation") return out->push_back(ParseGeneration());
  if (name == "with") return out->push_back(ParseWith());
  if (name == "print") return out->push_back(ParsePrint());
  if (name == "break" || name == "continue") {
    if (loops_ == 0) return Fail(absl::StrCat("'", name, "' outside a loop"), line);
    return out->push_back(NewStmt(name == "break" ? StmtKind::kBreak : StmtKind::kContinue, line));
  }
  for (const std::string_view known : {"block", "extends", "include", "import", "from", "autoescape"}) {
    if (name == known)
      return Fail(absl::StrCat("the tag '", name, "' is not supported: a prompt is one template"), line);
  }
  Fail(absl::StrCat("Encountered unknown tag '", base::OneLine(name, 60), "'"), line);
}

Stmt* Parser::ParseFor() {
  Stmt* stmt = NewStmt(StmtKind::kFor, Now().line);
  stmt->targets.push_back(ParseTarget(false, "in"));
  if (!SkipName("in")) FailHere("'in'");
  stmt->value = ParseTuple(false, "recursive");
  if (SkipName("if")) stmt->test = ParseExpression();
  stmt->recursive = SkipName("recursive");
  ++loops_;
  stmt->body = ParseBlock({"endfor", "else"});
  --loops_;
  const bool has_else = AtName("else");
  Next();
  if (has_else) {
    stmt->otherwise = ParseBlock({"endfor"});
    Next();
  }
  return stmt;
}

Stmt* Parser::ParseIf() {
  Stmt* stmt = NewStmt(StmtKind::kIf, Now().line);
  while (!failed()) {
    Branch branch;
    branch.test = ParseTuple(false);
    branch.body = ParseBlock({"elif", "else", "endif"});
    stmt->branches.push_back(std::move(branch));
    if (SkipName("elif")) continue;
    if (SkipName("else")) {
      stmt->branches.push_back({nullptr, ParseBlock({"endif"})});
    }
    Next();
    break;
  }
  return stmt;
}

Stmt* Parser::ParseSet() {
  const int line = Now().line;
  Target target = ParseTarget(true, "");
  if (SkipOperator("=")) {
    Stmt* stmt = NewStmt(StmtKind::kSet, line);
    stmt->targets.push_back(std::move(target));
    stmt->value = ParseTuple(true);
    return stmt;
  }
  Stmt* stmt = NewStmt(StmtKind::kSetBlock, line);
  stmt->targets.push_back(std::move(target));
  stmt->value = ParseFilter(nullptr, false);
  stmt->body = ParseBlock({"endset"});
  Next();
  return stmt;
}

void Parser::ParseParameters(Stmt* stmt) {
  ExpectOperator("(");
  bool defaults = false;
  while (!AtOperator(")") && !failed()) {
    if (!stmt->parameters.empty()) ExpectOperator(",");
    Parameter parameter;
    const int line = Now().line;
    parameter.name = ParseNameTarget().name;
    if (SkipOperator("=")) {
      parameter.otherwise = ParseExpression();
      defaults = true;
    } else if (defaults) {
      Fail("non-default argument follows default argument", line);
    }
    for (const Parameter& other : stmt->parameters) {
      if (other.name == parameter.name) Fail(absl::StrCat("duplicate argument '", parameter.name, "'"), line);
    }
    stmt->parameters.push_back(std::move(parameter));
  }
  ExpectOperator(")");
}

Stmt* Parser::ParseMacro() {
  Stmt* stmt = NewStmt(StmtKind::kMacro, Now().line);
  stmt->text = ParseNameTarget().name;
  ParseParameters(stmt);
  const int loops = std::exchange(loops_, 0);
  stmt->body = ParseBlock({"endmacro"});
  loops_ = loops;
  Next();
  return stmt;
}

Stmt* Parser::ParseCall() {
  Stmt* stmt = NewStmt(StmtKind::kCallBlock, Now().line);
  if (AtOperator("(")) ParseParameters(stmt);
  stmt->value = ParseExpression();
  if (!failed() && stmt->value->kind != ExprKind::kCall) Fail("expected call", stmt->line);
  const int loops = std::exchange(loops_, 0);
  stmt->body = ParseBlock({"endcall"});
  loops_ = loops;
  Next();
  return stmt;
}

// Marks what the assistant said, for training; in a prompt its contents stand as they are.
Stmt* Parser::ParseGeneration() {
  Stmt* stmt = NewStmt(StmtKind::kCallBlock, Now().line);
  const int loops = std::exchange(loops_, 0);
  stmt->body = ParseBlock({"endgeneration"});
  loops_ = loops;
  Next();
  return stmt;
}

Stmt* Parser::ParseFilterBlock() {
  Stmt* stmt = NewStmt(StmtKind::kFilterBlock, Now().line);
  stmt->value = ParseFilter(nullptr, true);
  stmt->body = ParseBlock({"endfilter"});
  Next();
  return stmt;
}

Stmt* Parser::ParseWith() {
  Stmt* stmt = NewStmt(StmtKind::kWith, Now().line);
  while (!At(TokenKind::kBlockEnd) && !failed()) {
    if (!stmt->targets.empty()) ExpectOperator(",");
    stmt->targets.push_back(ParseTarget(false, ""));
    ExpectOperator("=");
    stmt->exprs.push_back(ParseExpression());
  }
  stmt->body = ParseBlock({"endwith"});
  Next();
  return stmt;
}

Stmt* Parser::ParsePrint() {
  Stmt* stmt = NewStmt(StmtKind::kOutput, Now().line);
  while (!At(TokenKind::kBlockEnd) && !failed()) {
    if (!stmt->exprs.empty()) ExpectOperator(",");
    stmt->exprs.push_back(ParseExpression());
  }
  return stmt;
}

Target Parser::ParseTarget(bool with_namespace, std::string_view end_name) {
  if (with_namespace && At(TokenKind::kName) && Ahead().kind == TokenKind::kOperator && Ahead().text == ".") {
    Target target;
    target.kind = Target::Kind::kAttribute;
    target.line = Now().line;
    target.name = ExpectName();
    Next();
    target.attribute = ExpectName();
    return target;
  }
  const Expr* expr = ParseTuple(false, end_name, false, /*simple=*/true);
  return failed() ? Target() : TargetOf(expr);
}

Target Parser::ParseNameTarget() {
  const int line = Now().line;
  Expr* name = New(ExprKind::kName, line);
  name->text = ExpectName();
  return TargetOf(name);
}

Target Parser::TargetOf(const Expr* expr) {
  Target target;
  target.line = expr->line;
  if (expr->kind == ExprKind::kName) {
    target.name = expr->text;
    for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
      if (target.name == constant) Fail(absl::StrCat("can't assign to '", target.name, "'"), expr->line);
    }
  } else if (expr->kind == ExprKind::kTuple) {
    target.kind = Target::Kind::kTuple;
    for (const Expr* part : expr->children) target.parts.push_back(TargetOf(part));
  } else {
    Fail("can't assign to an expression", expr->line);
  }
  return target;
}

}  // namespace linnet::jinja
