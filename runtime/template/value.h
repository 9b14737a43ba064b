#ifndef LINNET_RUNTIME_TEMPLATE_VALUE_H_
#define LINNET_RUNTIME_TEMPLATE_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/template/text.h"

namespace linnet::jinja {

class Value;
class Runtime;

// Memory of the values of one rendering. What is made beyond the limit is counted too; whoever makes values
// asks exceeded() and stops.
struct Budget {
  size_t limit_bytes = 0, used_bytes = 0;
  bool exceeded() const { return used_bytes > limit_bytes; }
};

// What a Value points to. Immutable once it is made, but for namespaces, loops and iterators.
class Heap {
 public:
  Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  virtual ~Heap() {
    if (budget_ != nullptr) budget_->used_bytes -= charged_;
  }
  // budget: may be null; else it outlives this.
  void Charge(Budget* budget, size_t bytes) {
    budget_ = budget;
    charged_ = bytes;
    if (budget_ != nullptr) budget_->used_bytes += bytes;
  }
  // How deep values are nested in this one; bounded, so that recursion over values is.
  uint32_t depth = 1;

 private:
  Budget* budget_ = nullptr;
  size_t charged_ = 0;
};

struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keywords;
};

// What is not plain data: ranges, iterators, namespaces, functions. Each defines what Python's object of that
// kind can do; the defaults are those of an object that can nothing.
class Object : public Heap {
 public:
  virtual std::string_view TypeName() const = 0;
  virtual void Repr(Text& out, uint32_t depth) const;  // depth: see AppendRepr
  virtual bool Callable() const { return false; }
  virtual Value Call(Runtime& rt, const Args& args);
  virtual std::optional<Value> Attribute(Runtime& rt, std::string_view name);
  // obj[index]; nullopt where Python raises TypeError or LookupError.
  virtual std::optional<Value> Item(Runtime& rt, const Value& index);
  virtual std::optional<int64_t> Length(Runtime& rt);
  virtual bool Truth() const { return true; }
  // A source of the elements, nullptr when they cannot be iterated.
  virtual std::function<bool(Value*)> Iterate(Runtime& rt);
};

using NextFn = std::function<bool(Value*)>;  // false at the end

// A value as Python would have it. Copies are cheap and share what is on the heap.
class Value {
 public:
  enum class Kind : uint8_t {
    kMissing,  // no value at all: a variable not assigned, an argument not given
    kUndefined,
    kNone,
    kBool,
    kInt,
    kFloat,
    kString,
    kList,
    kTuple,
    kDict,
    kObject
  };

  Value() = default;  // missing
  static Value None() { return Value(Kind::kNone); }
  static Value Bool(bool b);
  // trusted: not taken from a message; see Text.
  static Value Int(int64_t i, bool trusted = true);
  static Value Float(double f, bool trusted = true);
  Value(Kind kind, std::shared_ptr<Heap> heap) : kind_(kind), heap_(std::move(heap)) {}

  Kind kind() const { return kind_; }
  bool Is(Kind kind) const { return kind_ == kind; }
  bool missing() const { return kind_ == Kind::kMissing; }
  bool undefined() const { return kind_ == Kind::kUndefined; }
  bool none() const { return kind_ == Kind::kNone; }
  bool string() const { return kind_ == Kind::kString; }
  bool sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  bool dict() const { return kind_ == Kind::kDict; }
  // bool, int: what Python's isinstance(x, int) is true of.
  bool integral() const { return kind_ == Kind::kBool || kind_ == Kind::kInt; }
  bool number() const { return integral() || kind_ == Kind::kFloat; }

  bool as_bool() const { return int_ != 0; }
  int64_t as_int() const { return int_; }  // of bool too
  double as_float() const { return kind_ == Kind::kFloat ? float_ : static_cast<double>(int_); }
  const Text& text() const;  // of a string
  std::string_view view() const { return text().view(); }
  bool markup() const;                      // of a string: marked safe
  const std::vector<Value>& items() const;  // of a list or tuple
  const class Dict& entries() const;        // of a dict
  Object& object() const;                   // of an object
  const std::string& why() const;           // of an undefined: what is missing
  const std::shared_ptr<Heap>& heap() const { return heap_; }
  uint32_t depth() const { return heap_ ? heap_->depth : 0; }
  bool trusted() const { return trusted_; }  // of numbers

  std::string_view TypeName() const;  // as Python says it

 private:
  explicit Value(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kMissing;
  bool trusted_ = true;
  union {
    int64_t int_ = 0;
    double float_;
  };
  std::shared_ptr<Heap> heap_;
};

class UndefinedValue : public Heap {
 public:
  explicit UndefinedValue(std::string what) : why(std::move(what)) {}
  const std::string why;
};

class String : public Heap {
 public:
  String(Text t, bool m) : text(std::move(t)), markup(m) {}
  const Text text;
  const bool markup;
};

class List : public Heap {
 public:
  explicit List(std::vector<Value> v) : items(std::move(v)) {}
  const std::vector<Value> items;
  bool group = false;  // of groupby: a tuple with the attributes grouper and list
};

// In order of insertion; keys equal as Python has it (1 == 1.0 == True).
class Dict : public Heap {
 public:
  // Replaces what the key had. `hash`: HashKey of it.
  void Set(const std::string& hash, Value key, Value value);
  const Value* Find(const std::string& hash) const;
  const Value* FindString(std::string_view key) const;
  const std::vector<std::pair<Value, Value>>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }

 private:
  std::vector<std::pair<Value, Value>> entries_;
  absl::flat_hash_map<std::string, size_t> index_;
};

// Equal for equal values; nullopt: unhashable.
std::optional<std::string> HashKey(const Value& value);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_VALUE_H_
