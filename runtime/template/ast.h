#ifndef LINNET_RUNTIME_TEMPLATE_AST_H_
#define LINNET_RUNTIME_TEMPLATE_AST_H_

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "runtime/template/filters.h"
#include "runtime/template/operations.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// Where a variable lives: `up` frames out, in that frame's `slot`.
struct Place {
  uint32_t up = 0, slot = 0;
};

struct Expr;

struct CallArgsExpr {
  std::vector<Expr*> positional;
  std::vector<std::pair<std::string, Expr*>> keywords;
  Expr* star = nullptr;       // *x
  Expr* star_star = nullptr;  // **x
};

enum class ExprKind : uint8_t {
  kConst,      // value
  kName,       // text; place
  kTuple,      // children
  kList,       // children
  kDict,       // children: key, value, key, value ...
  kCondition,  // children: test, then, else (may be null)
  kAnd,        // children: left, right
  kOr,
  kNot,  // children: one, and so on
  kNegate,
  kPositive,
  kBinary,     // op
  kConcat,     // ~ of children
  kCompare,    // children, one more than compare_ops
  kAttribute,  // child.text
  kItem,       // child[child]
  kSlice,      // child[child:child:child], null where absent
  kCall,       // child(args)
  kFilter,     // child | text(args); child may be null in filter blocks
  kTest        // child is text(args)
};

enum class Comparison : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };

struct Expr {
  ExprKind kind;
  int line = 1;
  uint32_t depth = 1;
  std::string text;
  Value value;
  std::vector<Expr*> children;
  Operator op = Operator::kAdd;
  std::vector<Comparison> compare_ops;
  CallArgsExpr args;
  Place place;
  Filter filter = nullptr;  // of kFilter; null: unknown, an error when it is reached
  Test test = nullptr;      // of kTest
};

enum class StmtKind : uint8_t {
  kOutput,       // exprs
  kFor,          // target, iter, test, body, otherwise
  kIf,           // branches
  kSet,          // target = value
  kSetBlock,     // target, filter (value), body
  kMacro,        // text, parameters, body
  kCallBlock,    // value (a call), parameters, body; generation blocks have no value
  kFilterBlock,  // value (filters), body
  kWith,         // targets, exprs, body
  kBreak,
  kContinue
};

// How a frame's variables begin.
struct Load {
  enum class Kind : uint8_t { kResolve, kAlias, kMissing } kind;
  uint32_t slot;
  std::string name;  // of kResolve: a variable of the rendering or a global
  Place from;        // of kAlias, seen from the frame itself
};

struct Frame {
  uint32_t slots = 0;
  std::vector<Load> loads;
};

struct Target {
  enum class Kind : uint8_t { kName, kTuple, kAttribute } kind = Kind::kName;
  std::string name, attribute;  // attribute: of a namespace
  std::vector<Target> parts;
  int line = 1;
  Place place;
};

struct Stmt;
using Body = std::vector<Stmt*>;

struct Parameter {
  std::string name;
  Expr* otherwise = nullptr;
  uint32_t slot = 0;
};

struct Branch {
  Expr* test = nullptr;  // null: else
  Body body;
};

constexpr uint32_t kNoSlot = UINT32_MAX;

struct Stmt {
  StmtKind kind;
  int line = 1;
  std::string text;
  std::vector<Target> targets;  // one, but for kWith
  std::vector<Expr*> exprs;
  Expr* value = nullptr;
  Expr* test = nullptr;
  Body body, otherwise;
  std::vector<Branch> branches;
  std::vector<Parameter> parameters;
  bool recursive = false;
  // Made by ResolveNames.
  Frame frame, otherwise_frame, test_frame;
  std::vector<Target> test_targets;  // the loop's target in test_frame
  uint32_t loop_slot = kNoSlot;      // in frame, when the body mentions `loop`
  uint32_t caller_slot = kNoSlot, kwargs_slot = kNoSlot, varargs_slot = kNoSlot;
  bool caller_is_parameter = false;
  Place place;  // of a macro's name
};

// Owns its nodes, so that they are freed one by one however deep they are nested.
struct Tree {
  std::deque<Expr> exprs;
  std::deque<Stmt> stmts;
  Body body;
  Frame frame;
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_AST_H_
