// Expressions, loosest first. Each function reads one level of precedence.
#include <charconv>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/template/parser.h"
#include "runtime/template/parser_nested.h"

namespace linnet::jinja {

Expr* Parser::ParseExpression(bool with_condition) {
  const Nested nested(*this);
  if (!with_condition) return ParseOr();
  const int line = Now().line;
  Expr* expr = ParseOr();
  while (SkipName("if")) {
    Expr* test = ParseOr();
    Expr* otherwise = SkipName("else") ? ParseExpression() : nullptr;
    expr = New(ExprKind::kCondition, line, {test, expr, otherwise});
  }
  return expr;
}

// Expressions separated by commas are a tuple; one alone is itself.
Expr* Parser::ParseTuple(bool with_condition, std::string_view end_name, bool in_parentheses, bool simple) {
  const int line = Now().line;
  std::vector<Expr*> items;
  bool tuple = false;
  while (!failed()) {
    if (!items.empty()) ExpectOperator(",");
    if (At(TokenKind::kVariableEnd) || At(TokenKind::kBlockEnd) || AtOperator(")") ||
        (!end_name.empty() && AtName(end_name))) {
      break;
    }
    items.push_back(simple ? ParsePrimary() : ParseExpression(with_condition));
    if (!AtOperator(",")) break;
    tuple = true;
  }
  if (!tuple && !items.empty()) return items[0];
  if (!tuple && !in_parentheses) FailHere("an expression");
  return New(ExprKind::kTuple, line, std::move(items));
}

Expr* Parser::ParseOr() {
  Expr* left = ParseAnd();
  for (int line = Now().line; SkipName("or"); line = Now().line)
    left = New(ExprKind::kOr, line, {left, ParseAnd()});
  return left;
}

Expr* Parser::ParseAnd() {
  Expr* left = ParseNot();
  for (int line = Now().line; SkipName("and"); line = Now().line)
    left = New(ExprKind::kAnd, line, {left, ParseNot()});
  return left;
}

Expr* Parser::ParseNot() {
  const Nested nested(*this);
  const int line = Now().line;
  if (SkipName("not")) return New(ExprKind::kNot, line, {ParseNot()});
  return ParseCompare();
}

Expr* Parser::ParseCompare() {
  static constexpr std::pair<std::string_view, Comparison> kOperators[] = {
      {"==", Comparison::kEq}, {"!=", Comparison::kNe}, {"<", Comparison::kLt},
      {"<=", Comparison::kLe}, {">", Comparison::kGt},  {">=", Comparison::kGe}};
  const int line = Now().line;
  std::vector<Expr*> operands = {ParseSum()};
  std::vector<Comparison> ops;
  const auto next = [&]() -> bool {
    for (const auto& [text, op] : kOperators) {
      if (!SkipOperator(text)) continue;
      ops.push_back(op);
      return true;
    }
    if (SkipName("in")) {
      ops.push_back(Comparison::kIn);
      return true;
    }
    if (!AtName("not") || Ahead().kind != TokenKind::kName || Ahead().text != "in") return false;
    Next();
    Next();
    ops.push_back(Comparison::kNotIn);
    return true;
  };
  while (next()) operands.push_back(ParseSum());
  if (ops.empty()) return operands[0];
  Expr* expr = New(ExprKind::kCompare, line, std::move(operands));
  expr->compare_ops = std::move(ops);
  return expr;
}

Expr* Parser::ParseSum() {
  Expr* left = ParseConcat();
  while (AtOperator("+") || AtOperator("-")) {
    const int line = Now().line;
    const Operator op = AtOperator("+") ? Operator::kAdd : Operator::kSub;
    Next();
    left = New(ExprKind::kBinary, line, {left, ParseConcat()});
    left->op = op;
  }
  return left;
}

Expr* Parser::ParseConcat() {
  const int line = Now().line;
  std::vector<Expr*> parts = {ParseProduct()};
  while (SkipOperator("~")) parts.push_back(ParseProduct());
  return parts.size() == 1 ? parts[0] : New(ExprKind::kConcat, line, std::move(parts));
}

Expr* Parser::ParseProduct() {
  static constexpr std::pair<std::string_view, Operator> kOperators[] = {
      {"*", Operator::kMul}, {"/", Operator::kDiv}, {"//", Operator::kFloorDiv}, {"%", Operator::kMod}};
  Expr* left = ParsePower();
  for (bool more = true; more;) {
    more = false;
    for (const auto& [text, op] : kOperators) {
      const int line = Now().line;
      if (!SkipOperator(text)) continue;
      left = New(ExprKind::kBinary, line, {left, ParsePower()});
      left->op = op;
      more = true;
    }
  }
  return left;
}

Expr* Parser::ParsePower() {
  Expr* left = ParseUnary();
  for (int line = Now().line; SkipOperator("**"); line = Now().line) {
    left = New(ExprKind::kBinary, line, {left, ParseUnary()});
    left->op = Operator::kPow;
  }
  return left;
}

Expr* Parser::ParseUnary(bool with_filter) {
  const Nested nested(*this);
  const int line = Now().line;
  Expr* expr = nullptr;
  if (SkipOperator("-")) {
    expr = New(ExprKind::kNegate, line, {ParseUnary(false)});
  } else if (SkipOperator("+")) {
    expr = New(ExprKind::kPositive, line, {ParseUnary(false)});
  } else {
    expr = ParsePrimary();
  }
  expr = ParsePostfix(expr);
  return with_filter ? ParseFilterExpression(expr) : expr;
}

Expr* Parser::ParsePrimary() {
  const int line = Now().line;
  Expr* expr = nullptr;
  if (At(TokenKind::kName)) {
    const std::string& name = Now().text;
    const bool yes = name == "true" || name == "True";
    if (yes || name == "false" || name == "False") {
      expr = New(ExprKind::kConst, line);
      expr->value = Value::Bool(yes);
    } else if (name == "none" || name == "None") {
      expr = New(ExprKind::kConst, line);
      expr->value = Value::None();
    } else {
      expr = New(ExprKind::kName, line);
      expr->text = name;
    }
    Next();
    return expr;
  }
  if (At(TokenKind::kString)) {
    std::string text;  // literals side by side are one
    for (; At(TokenKind::kString); Next()) text += Now().text;
    expr = New(ExprKind::kConst, line);
    expr->value = Value(Value::Kind::kString, std::make_shared<String>(Text(text, true), false));
    return expr;
  }
  if (At(TokenKind::kInteger) || At(TokenKind::kFloat)) return ParseNumber();
  if (SkipOperator("(")) {
    expr = ParseTuple(true, "", /*in_parentheses=*/true);
    ExpectOperator(")");
    return expr;
  }
  if (AtOperator("[") || AtOperator("{")) return ParseListOrDict();
  FailHere("an expression");
  return New(ExprKind::kConst, line);
}

Expr* Parser::ParseNumber() {
  Expr* expr = New(ExprKind::kConst, Now().line);
  std::string digits = Now().text;
  if (At(TokenKind::kFloat)) {
    double value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    expr->value = Value::Float(value);
  } else {
    int base = 10;
    if (digits.size() > 2 && digits[0] == '0' && digits[1] > '9') {
      base = (digits[1] | 32) == 'x' ? 16 : (digits[1] | 32) == 'o' ? 8 : 2;
      digits.erase(0, 2);
    }
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc()) Fail("integers beyond 64 bits are not supported", expr->line);
    expr->value = Value::Int(value);
  }
  Next();
  return expr;
}

Expr* Parser::ParseListOrDict() {
  const int line = Now().line;
  const bool dict = AtOperator("{");
  const std::string_view close = dict ? "}" : "]";
  Next();
  std::vector<Expr*> children;
  while (!AtOperator(close) && !failed()) {
    if (!children.empty()) ExpectOperator(",");
    if (AtOperator(close)) break;
    children.push_back(ParseExpression());
    if (!dict) continue;
    ExpectOperator(":");
    children.push_back(ParseExpression());
  }
  ExpectOperator(close);
  return New(dict ? ExprKind::kDict : ExprKind::kList, line, std::move(children));
}

Expr* Parser::ParsePostfix(Expr* expr) {
  while (!failed()) {
    if (AtOperator(".") || AtOperator("[")) {
      expr = ParseSubscript(expr);
    } else if (AtOperator("(")) {
      expr = ParseCallOf(expr);
    } else {
      break;
    }
  }
  return expr;
}

Expr* Parser::ParseFilterExpression(Expr* expr) {
  while (!failed()) {
    if (AtOperator("|")) {
      expr = ParseFilter(expr, false);
    } else if (AtName("is")) {
      expr = ParseTest(expr);
    } else if (AtOperator("(")) {
      expr = ParseCallOf(expr);
    } else {
      break;
    }
  }
  return expr;
}

Expr* Parser::ParseSubscript(Expr* expr) {
  const int line = Now().line;
  if (SkipOperator(".")) {
    if (At(TokenKind::kName)) {
      Expr* attribute = New(ExprKind::kAttribute, line, {expr});
      attribute->text = Now().text;
      Next();
      return attribute;
    }
    if (!At(TokenKind::kInteger)) FailHere("a name or number");
    return New(ExprKind::kItem, line, {expr, ParseNumber()});
  }
  Next();
  std::vector<Expr*> indices;
  Expr* slice = nullptr;
  while (!AtOperator("]") && !failed()) {
    if (!indices.empty()) ExpectOperator(",");
    Expr* index = ParseIndex(expr, line);
    if (index->kind == ExprKind::kSlice && index->children[0] == expr) slice = index;
    indices.push_back(index);
  }
  ExpectOperator("]");
  if (slice != nullptr) {
    if (indices.size() > 1) Fail("slices in tuples are not supported", line);
    return slice;
  }
  if (indices.size() == 1) return New(ExprKind::kItem, line, {expr, indices[0]});
  return New(ExprKind::kItem, line, {expr, New(ExprKind::kTuple, line, std::move(indices))});
}

// One index; with colons, the whole slice of `of`.
Expr* Parser::ParseIndex(Expr* of, int line) {
  Expr* parts[3] = {nullptr, nullptr, nullptr};
  const auto ends = [&] { return AtOperator(":") || AtOperator("]") || AtOperator(","); };
  if (!AtOperator(":")) {
    parts[0] = ParseExpression();
    if (!AtOperator(":")) return parts[0];
  }
  for (int i = 1; i < 3 && SkipOperator(":"); ++i) {
    if (!ends()) parts[i] = ParseExpression();
  }
  return New(ExprKind::kSlice, line, {of, parts[0], parts[1], parts[2]});
}

CallArgsExpr Parser::ParseArguments() {
  const int line = Now().line;
  CallArgsExpr args;
  ExpectOperator("(");
  bool comma = false;
  const auto check = [&](bool fine) {
    if (!fine) Fail("invalid syntax for function call expression", line);
  };
  while (!AtOperator(")") && !failed()) {
    if (comma) ExpectOperator(",");
    if (AtOperator(")")) break;
    if (SkipOperator("*")) {
      check(args.star == nullptr && args.star_star == nullptr);
      args.star = ParseExpression();
    } else if (SkipOperator("**")) {
      check(args.star_star == nullptr);
      args.star_star = ParseExpression();
    } else if (At(TokenKind::kName) && Ahead().kind == TokenKind::kOperator && Ahead().text == "=") {
      check(args.star_star == nullptr);
      std::string name = ExpectName();
      Next();
      for (const auto& [known, value] : args.keywords) {
        if (known == name) Fail(absl::StrCat("keyword argument repeated: ", name), line);
      }
      args.keywords.emplace_back(std::move(name), ParseExpression());
    } else {
      check(args.star == nullptr && args.star_star == nullptr && args.keywords.empty());
      args.positional.push_back(ParseExpression());
    }
    comma = true;
  }
  ExpectOperator(")");
  return args;
}

void Parser::DeepenByArguments(Expr* expr) {
  for (const Expr* arg : expr->args.positional) Deepen(expr, arg);
  for (const auto& [name, arg] : expr->args.keywords) Deepen(expr, arg);
  Deepen(expr, expr->args.star);
  Deepen(expr, expr->args.star_star);
}

Expr* Parser::ParseCallOf(Expr* expr) {
  Expr* call = New(ExprKind::kCall, Now().line, {expr});
  call->args = ParseArguments();
  DeepenByArguments(call);
  return call;
}

// expr|name(args)|...; first_inline: the first name stands without its bar, as in {% filter upper %}.
Expr* Parser::ParseFilter(Expr* expr, bool first_inline) {
  while ((AtOperator("|") || first_inline) && !failed()) {
    if (!first_inline) Next();
    first_inline = false;
    const int line = Now().line;
    Expr* filter = New(ExprKind::kFilter, line, {expr});
    filter->text = ExpectName();
    while (SkipOperator(".")) filter->text.append(1, '.').append(ExpectName());
    if (AtOperator("(")) filter->args = ParseArguments();
    DeepenByArguments(filter);
    expr = filter;
  }
  return expr;
}

Expr* Parser::ParseTest(Expr* expr) {
  const int line = Now().line;
  Next();
  const bool negated = SkipName("not");
  Expr* test = New(ExprKind::kTest, line, {expr});
  test->text = ExpectName();
  while (SkipOperator(".")) test->text.append(1, '.').append(ExpectName());
  const bool ends = AtName("else") || AtName("or") || AtName("and");
  if (AtOperator("(")) {
    test->args = ParseArguments();
  } else if (AtName("is")) {
    Fail("You cannot chain multiple tests with is", line);
  } else if ((At(TokenKind::kName) && !ends) || At(TokenKind::kString) || At(TokenKind::kInteger) ||
             At(TokenKind::kFloat) || AtOperator("[") || AtOperator("{")) {
    test->args.positional.push_back(ParsePostfix(ParsePrimary()));
  }
  DeepenByArguments(test);
  return negated ? New(ExprKind::kNot, line, {test}) : test;
}

}  // namespace linnet::jinja
