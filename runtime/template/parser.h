#ifndef LINNET_RUNTIME_TEMPLATE_PARSER_H_
#define LINNET_RUNTIME_TEMPLATE_PARSER_H_

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/template/ast.h"
#include "runtime/template/lexer.h"

namespace linnet::jinja {

// Jinja's grammar, without blocks, includes and imports (a prompt has no other files), with loop controls and
// HF's generation blocks. The first error counts: what is parsed after it is dropped.
class Parser {
 public:
  // InvalidArgument "line N: what".
  static absl::StatusOr<std::unique_ptr<Tree>> Parse(std::string_view source);

 private:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)), tree_(std::make_unique<Tree>()) {}

  // parser.cc: tokens and nodes
  const Token& Now() const { return tokens_[at_]; }
  const Token& Ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  void Next();
  bool At(TokenKind kind) const { return Now().kind == kind; }
  bool AtOperator(std::string_view op) const { return At(TokenKind::kOperator) && Now().text == op; }
  bool AtName(std::string_view name) const { return At(TokenKind::kName) && Now().text == name; }
  bool SkipOperator(std::string_view op);
  bool SkipName(std::string_view name);
  void ExpectOperator(std::string_view op);
  void Expect(TokenKind kind, std::string_view what);
  std::string ExpectName();
  void Fail(std::string what, int line);
  void FailHere(std::string_view expected);
  bool failed() const { return !status_.ok(); }
  Expr* New(ExprKind kind, int line, std::vector<Expr*> children = {});
  Stmt* NewStmt(StmtKind kind, int line);
  // A node may be nested only so deep, and so may the recursion that makes it.
  void Deepen(Expr* expr, const Expr* child);
  void DeepenByArguments(Expr* expr);
  class Nested;

  // parser_statement.cc
  Body ParseBody(std::initializer_list<std::string_view> ends);
  Body ParseBlock(std::initializer_list<std::string_view> ends);  // with the rest of the opening tag
  void ParseStatement(Body* out);
  Stmt* ParseFor();
  Stmt* ParseIf();
  Stmt* ParseSet();
  Stmt* ParseMacro();
  Stmt* ParseCall();
  Stmt* ParseFilterBlock();
  Stmt* ParseGeneration();
  Stmt* ParseWith();
  Stmt* ParsePrint();
  void ParseParameters(Stmt* stmt);
  Target ParseTarget(bool with_namespace, std::string_view end_name);
  Target ParseNameTarget();
  Target TargetOf(const Expr* expr);

  // parser_expression.cc
  Expr* ParseExpression(bool with_condition = true);
  Expr* ParseTuple(bool with_condition, std::string_view end_name = "", bool in_parentheses = false,
                   bool simple = false);
  Expr* ParseOr();
  Expr* ParseAnd();
  Expr* ParseNot();
  Expr* ParseCompare();
  Expr* ParseSum();
  Expr* ParseConcat();
  Expr* ParseProduct();
  Expr* ParsePower();
  Expr* ParseUnary(bool with_filter = true);
  Expr* ParsePrimary();
  Expr* ParseNumber();
  Expr* ParseListOrDict();
  Expr* ParsePostfix(Expr* expr);
  Expr* ParseFilterExpression(Expr* expr);
  Expr* ParseSubscript(Expr* expr);
  Expr* ParseIndex(Expr* of, int line);
  CallArgsExpr ParseArguments();
  Expr* ParseCallOf(Expr* expr);
  Expr* ParseFilter(Expr* expr, bool first_inline);
  Expr* ParseTest(Expr* expr);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::unique_ptr<Tree> tree_;
  absl::Status status_;
  uint32_t nesting_ = 0;
  int loops_ = 0;  // around the current place, in this macro
};

// Gives every name its place, as Jinja's compiler does, and finds filters and tests. InvalidArgument for an
// unknown one where Jinja would not compile.
absl::Status ResolveNames(Tree& tree);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_PARSER_H_
