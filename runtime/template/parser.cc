#include "runtime/template/parser.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"
#include "runtime/template/limits.h"
#include "runtime/template/parser_nested.h"

namespace linnet::jinja {
namespace {

std::string Described(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "template data / text";
    case TokenKind::kBlockBegin:
      return "begin of statement block";
    case TokenKind::kBlockEnd:
      return "end of statement block";
    case TokenKind::kVariableBegin:
      return "begin of print statement";
    case TokenKind::kVariableEnd:
      return "end of print statement";
    case TokenKind::kEnd:
      return "end of template";
    default:
      return absl::StrCat("'", base::OneLine(token.text, 60), "'");
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tree>> Parser::Parse(std::string_view source) {
  if (source.size() > Limits::kSourceBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the template has ", source.size(), " bytes, more than ", Limits::kSourceBytes));
  }
  if (!base::IsUtf8(source)) return absl::InvalidArgumentError("the template is not UTF-8");
  LINNET_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  Parser parser(std::move(tokens));
  parser.tree_->body = parser.ParseBody({});
  LINNET_RETURN_IF_ERROR(parser.status_);
  LINNET_RETURN_IF_ERROR(ResolveNames(*parser.tree_));
  return std::move(parser.tree_);
}

void Parser::Next() {
  if (at_ + 1 < tokens_.size()) ++at_;
}

bool Parser::SkipOperator(std::string_view op) {
  if (!AtOperator(op)) return false;
  Next();
  return true;
}

bool Parser::SkipName(std::string_view name) {
  if (!AtName(name)) return false;
  Next();
  return true;
}

void Parser::ExpectOperator(std::string_view op) {
  if (!SkipOperator(op)) FailHere(absl::StrCat("'", std::string(op), "'"));
}

void Parser::Expect(TokenKind kind, std::string_view what) {
  if (!At(kind)) return FailHere(what);
  Next();
}

std::string Parser::ExpectName() {
  if (!At(TokenKind::kName)) {
    FailHere("a name");
    return "";
  }
  std::string name = Now().text;
  Next();
  return name;
}

void Parser::Fail(std::string what, int line) {
  if (!failed()) status_ = absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
  at_ = tokens_.size() - 1;  // nothing is parsed any more
}

void Parser::FailHere(std::string_view expected) {
  Fail(absl::StrCat("expected ", std::string(expected), ", got ", Described(Now())), Now().line);
}

Expr* Parser::New(ExprKind kind, int line, std::vector<Expr*> children) {
  Expr& expr = tree_->exprs.emplace_back();
  expr.kind = kind;
  expr.line = line;
  for (const Expr* child : children) Deepen(&expr, child);
  expr.children = std::move(children);
  return &expr;
}

void Parser::Deepen(Expr* expr, const Expr* child) {
  if (child == nullptr) return;
  expr->depth = std::max(expr->depth, child->depth + 1);
  if (expr->depth > Limits::kNesting) Fail("an expression is nested too deeply", expr->line);
}

Stmt* Parser::NewStmt(StmtKind kind, int line) {
  Stmt& stmt = tree_->stmts.emplace_back();
  stmt.kind = kind;
  stmt.line = line;
  return &stmt;
}

Parser::Nested::Nested(Parser& parser) : parser_(parser) {
  if (++parser_.nesting_ > Limits::kNesting)
    parser_.Fail("the template is nested too deeply", parser_.Now().line);
}
Parser::Nested::~Nested() { --parser_.nesting_; }

}  // namespace linnet::jinja
