#ifndef LINNET_RUNTIME_TEMPLATE_INTERPRETER_H_
#define LINNET_RUNTIME_TEMPLATE_INTERPRETER_H_

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "runtime/template/ast.h"
#include "runtime/template/runtime.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// The variables of a frame while it is executed.
struct Scope {
  Scope* outer;
  std::vector<Value> slots;
};

// Executes one tree once.
class Interpreter {
 public:
  // All must outlive this.
  Interpreter(const Tree& tree, Runtime& rt) : tree_(tree), rt_(rt) {}

  void SetVariable(std::string name, Value value) {
    variables_.insert_or_assign(std::move(name), std::move(value));
  }
  absl::StatusOr<Text> Run();

  // For loops and macros, which call back.
  Value CallMacro(const Stmt& macro, std::string_view name, Scope* outer, const Args& args);
  // Renders the loop over `items`; the text is returned when the loop is recursive.
  enum class Flow : uint8_t { kOn, kBreak, kContinue };
  Value LoopText(const Stmt& loop, Scope* outer, const Value& items, int64_t depth);

 private:
  // interpreter.cc: statements
  Scope& NewScope(const Frame& frame, Scope* outer);
  void Enter(const Frame& frame, Scope& scope);
  Flow Execute(const Body& body, Scope& scope);
  Flow Statement(const Stmt& stmt, Scope& scope);
  void Output(const Stmt& stmt, Scope& scope);
  void Write(const Text& text);
  // Executes with the output going into `text`.
  Flow Capture(const Body& body, Scope& scope, Text* text);
  Flow SetBlock(const Stmt& stmt, Scope& scope);
  Flow FilterBlock(const Stmt& stmt, Scope& scope);
  Flow With(const Stmt& stmt, Scope& scope);
  void CallBlock(const Stmt& stmt, Scope& scope);
  Flow Loop(const Stmt& stmt, Scope* outer, const Value& items, int64_t depth);
  NextFn Filtered(const Stmt& stmt, Scope* outer, NextFn source);
  void Assign(const Target& target, const Value& value, Scope& scope);
  static Value& At(const Place& place, Scope& scope);

  // evaluate.cc: expressions
  Value Evaluate(const Expr* expr, Scope& scope);
  Value Compute(const Expr& expr, Scope& scope);
  std::vector<Value> EvaluateAll(const std::vector<Expr*>& exprs, Scope& scope);
  Value DictOf(const Expr& expr, Scope& scope);
  Value Compare(const Expr& expr, Scope& scope);
  bool CompareTwo(Comparison op, const Value& left, const Value& right);
  Value Concat(const Expr& expr, Scope& scope);
  Args ArgumentsOf(const CallArgsExpr& args, Scope& scope);
  Value Call(const Value& callee, const Args& args);
  Value ApplyFilter(const Expr& expr, Scope& scope);

  const Tree& tree_;
  Runtime& rt_;
  absl::flat_hash_map<std::string, Value> variables_;
  std::deque<Scope> scopes_;  // all, to the end: macros refer to those that they were made in
  Text* out_ = nullptr;
  Value filtered_;  // what the filter block at hand filters
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_INTERPRETER_H_
