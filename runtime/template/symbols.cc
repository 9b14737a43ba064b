#include "runtime/template/symbols.h"

namespace linnet::jinja {

uint32_t Symbols::SlotOf(const std::string& name) {
  return slots_->emplace(name, static_cast<uint32_t>(slots_->size())).first->second;
}

void Symbols::Define(const std::string& name, std::optional<Load> load) {
  const uint32_t slot = SlotOf(name);
  refs_.insert(name);
  if (!load) return;
  load->slot = slot;
  loads_.insert_or_assign(name, *std::move(load));
}

bool Symbols::HasRef(const std::string& name) const {
  const Symbols* s = this;
  while (s != nullptr && !s->refs_.contains(name)) s = s->base_;
  return s != nullptr;
}

bool Symbols::Stores(const std::string& name) const {
  const Symbols* s = this;
  while (s != nullptr && !s->stores_.contains(name)) s = s->base_;
  return s != nullptr;
}

std::optional<Place> Symbols::Find(const std::string& name) const {
  uint32_t up = 0;
  for (const Symbols* s = this; s != nullptr; s = s->parent_, ++up) {
    if (s->HasRef(name)) return Place{up, s->slots_->at(name)};
  }
  return std::nullopt;
}

void Symbols::Read(const std::string& name) {
  if (!Find(name)) Define(name, Load{Load::Kind::kResolve, 0, name, {}});
}

// What the frames around this one call so, or else: nothing, or a variable of the rendering.
Load Symbols::AliasOrResolve(const std::string& name, bool resolve) const {
  if (parent_ != nullptr) {
    if (std::optional<Place> outer = parent_->Find(name)) {
      ++outer->up;
      return {Load::Kind::kAlias, 0, name, *outer};
    }
  }
  return {resolve ? Load::Kind::kResolve : Load::Kind::kMissing, 0, name, {}};
}

void Symbols::Assign(const std::string& name) {
  stores_.insert(name);
  if (!HasRef(name)) Define(name, AliasOrResolve(name, false));
}

uint32_t Symbols::Parameter(const std::string& name) {
  stores_.insert(name);
  Define(name, std::nullopt);
  loads_.erase(name);
  return slots_->at(name);
}

void Symbols::ReadExpr(const Expr* expr) {
  if (expr == nullptr) return;
  if (expr->kind == ExprKind::kName) Read(expr->text);
  for (const Expr* child : expr->children) ReadExpr(child);
  for (const Expr* arg : expr->args.positional) ReadExpr(arg);
  for (const auto& [name, arg] : expr->args.keywords) ReadExpr(arg);
  ReadExpr(expr->args.star);
  ReadExpr(expr->args.star_star);
}

void Symbols::AssignTarget(const Target& target, bool parameter) {
  switch (target.kind) {
    case Target::Kind::kAttribute:
      return Read(target.name);
    case Target::Kind::kName:
      if (parameter)
        Parameter(target.name);
      else
        Assign(target.name);
      return;
    case Target::Kind::kTuple:
      for (const Target& part : target.parts) AssignTarget(part, parameter);
  }
}

void Symbols::Statements(const Body& body) {
  for (const Stmt* stmt : body) Statement(*stmt);
}

// What happens inside of loops, macros and blocks is theirs, and is not looked at here.
void Symbols::Statement(const Stmt& stmt) {
  switch (stmt.kind) {
    case StmtKind::kOutput:
    case StmtKind::kWith:
      for (const Expr* expr : stmt.exprs) ReadExpr(expr);
      return;
    case StmtKind::kFor:
    case StmtKind::kCallBlock:
    case StmtKind::kFilterBlock:
      return ReadExpr(stmt.value);
    case StmtKind::kIf:
      return If(stmt, 0);
    case StmtKind::kSet:
      ReadExpr(stmt.value);
      return AssignTarget(stmt.targets[0], false);
    case StmtKind::kSetBlock:
      return AssignTarget(stmt.targets[0], false);
    case StmtKind::kMacro:
      return Assign(stmt.text);
    case StmtKind::kBreak:
    case StmtKind::kContinue:
      return;
  }
}

Symbols Symbols::Branch() const {
  Symbols branch(parent_);
  branch.base_ = this;
  branch.slots_ = slots_;
  return branch;
}

void Symbols::If(const Stmt& stmt, size_t branch) {
  ReadExpr(stmt.branches[branch].test);
  std::vector<Symbols> ways = {Branch(), Branch(), Branch()};
  ways[0].Statements(stmt.branches[branch].body);
  // Each elif is an if of its own, one after the other; they and the else belong to the first.
  for (size_t i = branch == 0 ? 1 : stmt.branches.size(); i < stmt.branches.size(); ++i) {
    if (stmt.branches[i].test == nullptr) {
      ways[2].Statements(stmt.branches[i].body);
    } else {
      ways[1].If(stmt, i);
    }
  }
  Join(ways);
}

void Symbols::Join(const std::vector<Symbols>& ways) {
  std::map<std::string, size_t> assigned;
  for (const Symbols& way : ways) {
    for (const std::string& name : way.stores_) {
      if (!Stores(name)) ++assigned[name];
    }
  }
  for (const Symbols& way : ways) {
    refs_.insert(way.refs_.begin(), way.refs_.end());
    for (const auto& [name, load] : way.loads_) loads_.insert_or_assign(name, load);
    stores_.insert(way.stores_.begin(), way.stores_.end());
  }
  // What only some ways assign begins as it was before.
  for (const auto& [name, count] : assigned) {
    if (count < ways.size()) Define(name, AliasOrResolve(name, true));
  }
}

Place Symbols::PlaceOf(const std::string& name) {
  Read(name);
  return *Find(name);
}

Frame Symbols::ToFrame() const {
  Frame frame;
  frame.slots = static_cast<uint32_t>(slots_->size());
  for (const auto& [name, load] : loads_) frame.loads.push_back(load);
  return frame;
}

}  // namespace linnet::jinja
