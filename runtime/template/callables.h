#ifndef LINNET_RUNTIME_TEMPLATE_CALLABLES_H_
#define LINNET_RUNTIME_TEMPLATE_CALLABLES_H_

#include <string>
#include <utility>
#include <vector>

#include "runtime/template/interpreter.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// A macro with the scope that it was defined in; also what `caller` is.
class Macro final : public Object {
 public:
  // All but the name outlive this.
  Macro(Interpreter& interpreter, const Stmt& stmt, std::string name, Scope* outer)
      : interpreter_(interpreter), stmt_(stmt), name_(std::move(name)), outer_(outer) {}
  std::string_view TypeName() const override { return "Macro"; }
  bool Callable() const override { return true; }
  Value Call(Runtime&, const Args& args) override {
    return interpreter_.CallMacro(stmt_, name_, outer_, args);
  }
  std::optional<Value> Attribute(Runtime& rt, std::string_view name) override;
  void Repr(Text& out, uint32_t depth) const override;

 private:
  Interpreter& interpreter_;
  const Stmt& stmt_;
  const std::string name_;
  Scope* const outer_;
};

// The variable `loop`, which also drives the loop. It looks one element ahead, when it is asked to.
class LoopObject final : public Object {
 public:
  // items: missing when their number is not known beforehand. source: see Iterate.
  LoopObject(Interpreter& interpreter, const Stmt& stmt, Scope* outer, Value items, NextFn source,
             int64_t depth0)
      : interpreter_(interpreter),
        stmt_(stmt),
        outer_(outer),
        items_(std::move(items)),
        source_(std::move(source)),
        depth0_(depth0) {}
  std::string_view TypeName() const override { return "LoopContext"; }
  bool Callable() const override { return true; }
  Value Call(Runtime& rt, const Args& args) override;
  std::optional<Value> Attribute(Runtime& rt, std::string_view name) override;
  std::optional<int64_t> Length(Runtime& rt) override;
  void Repr(Text& out, uint32_t depth) const override;

  // The next element; false at the end.
  bool Advance(Value* item);

 private:
  bool Peek();
  int64_t Total(Runtime& rt);
  Value Changed(Runtime& rt, const Args& args);

  Interpreter& interpreter_;
  const Stmt& stmt_;
  Scope* const outer_;
  const Value items_;
  NextFn source_;
  const int64_t depth0_;
  int64_t index0_ = -1;
  int64_t length_ = -1;  // not counted yet
  Value before_, now_, after_;
  std::vector<Value> changed_;
  bool changed_called_ = false;
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_CALLABLES_H_
