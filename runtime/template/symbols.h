#ifndef LINNET_RUNTIME_TEMPLATE_SYMBOLS_H_
#define LINNET_RUNTIME_TEMPLATE_SYMBOLS_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "runtime/template/ast.h"

namespace linnet::jinja {

// The variables of one frame, by the rules of Jinja's compiler (idtracking): a frame is the template, a
// loop's body, a macro, a with or a set block. What a frame reads and nobody around it knows is looked up
// among the variables of the rendering when the frame begins; what it assigns is its own, and begins as what
// the frames around it call so. The order of reading and assigning in the text decides, not what is executed.
class Symbols {
 public:
  explicit Symbols(const Symbols* parent)
      : parent_(parent), slots_(std::make_shared<std::map<std::string, uint32_t>>()) {}

  // What the text does with names, in its order.
  void Read(const std::string& name);
  void Assign(const std::string& name);
  uint32_t Parameter(const std::string& name);
  void ReadExpr(const Expr* expr);
  void AssignTarget(const Target& target, bool parameter);
  void Statements(const Body& body);

  std::optional<Place> Find(const std::string& name) const;
  // Where the variable is; a name that the frame was not asked about is looked up when it begins.
  Place PlaceOf(const std::string& name);
  struct Frame ToFrame() const;

 private:
  void Statement(const Stmt& stmt);
  void If(const Stmt& stmt, size_t branch);
  Symbols Branch() const;
  bool HasRef(const std::string& name) const;
  bool Stores(const std::string& name) const;
  void Join(const std::vector<Symbols>& branches);
  void Define(const std::string& name, std::optional<Load> load);
  Load AliasOrResolve(const std::string& name, bool resolve) const;
  uint32_t SlotOf(const std::string& name);

  const Symbols* parent_;
  const Symbols* base_ =
      nullptr;  // of a branch of an if: what the frame knew before; the sets are what is new
  std::shared_ptr<std::map<std::string, uint32_t>> slots_;  // shared with branches
  std::set<std::string> refs_, stores_;
  std::map<std::string, Load> loads_;
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_SYMBOLS_H_
