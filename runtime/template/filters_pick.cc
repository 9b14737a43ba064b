// Filters that make their elements as they are asked for: map, select, batch, ...
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/call_args.h"
#include "runtime/template/filters.h"
#include "runtime/template/objects.h"
#include "runtime/template/operations.h"

namespace linnet::jinja {
namespace {

Value NewIterator(Runtime& rt, NextFn next, uint32_t depth) {
  return rt.NewObject(std::make_shared<Iterator>(std::move(next)), depth);
}

// What comes after the first argument, a name.
Args WithoutFirst(const Args& args) {
  Args rest = args;
  if (!rest.positional.empty()) rest.positional.erase(rest.positional.begin());
  return rest;
}

uint32_t DepthOf(const Value& subject, const Args& args) {
  uint32_t depth = subject.depth();
  for (const Value& value : args.positional) depth = std::max(depth, value.depth());
  return depth;
}

Value Map(Runtime& rt, const Value& subject, const Args& args) {
  if (subject.none() || (!Truth(subject) && !subject.Is(Value::Kind::kObject))) {
    return NewIterator(rt, [](Value*) { return false; }, 1);
  }
  std::function<Value(const Value&)> change;
  if (args.positional.empty()) {
    CallArgs a(rt, "map", args, {"attribute", "default"}, 1);
    if (!a.ok()) return subject;
    const Value otherwise = a.has(1) && !a[1].none() ? a[1] : Value();
    change = [&rt, path = a[0], otherwise](const Value& item) { return AtPath(rt, item, path, otherwise); };
  } else {
    const Value& name = args.positional[0];
    const Filter filter = name.string() ? FindFilter(name.view()) : nullptr;
    if (filter == nullptr) return rt.Fail("map() expected the name of a filter");
    change = [&rt, filter, rest = WithoutFirst(args)](const Value& item) { return filter(rt, item, rest); };
  }
  NextFn source = Iterate(rt, subject);
  if (source == nullptr) return subject;
  return NewIterator(
      rt,
      [&rt, source = std::move(source), change = std::move(change)](Value* out) {
        Value item;
        if (!rt.Work(1) || !source(&item)) return false;
        *out = change(item);
        return !rt.failed();
      },
      DepthOf(subject, args));
}

template <bool by_attribute, bool wanted>
Value Select(Runtime& rt, const Value& subject, const Args& args) {
  if (subject.none() || (!Truth(subject) && !subject.Is(Value::Kind::kObject))) {
    return NewIterator(rt, [](Value*) { return false; }, 1);
  }
  Args rest = args;
  Value path;
  if (by_attribute) {
    if (rest.positional.empty()) return rt.Fail("Missing parameter for attribute name");
    path = rest.positional[0];
    rest = WithoutFirst(rest);
  }
  Test test = nullptr;
  if (!rest.positional.empty()) {
    const Value& name = rest.positional[0];
    test = name.string() ? FindTest(name.view()) : nullptr;
    if (test == nullptr) return rt.Fail("select() expected the name of a test");
    rest = WithoutFirst(rest);
  }
  NextFn source = Iterate(rt, subject);
  if (source == nullptr) return subject;
  return NewIterator(
      rt,
      [&rt, source = std::move(source), path, test, rest](Value* out) {
        Value item;
        while (rt.Work(1) && source(&item)) {
          const Value asked = path.missing() ? item : AtPath(rt, item, path, Value());
          const bool holds = test == nullptr ? Truth(asked) : test(rt, asked, rest);
          if (holds != wanted) continue;
          *out = item;
          return !rt.failed();
        }
        return false;
      },
      DepthOf(subject, args));
}

Value Batch(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "batch", args, {"linecount", "fill_with"}, 1);
  const std::optional<int64_t> size = a.ok() ? a.Int(0, 1) : std::nullopt;
  std::vector<Value> items, lines, line;
  if (!size || !Collect(rt, subject, &items)) return subject;
  for (const Value& item : items) {
    if (static_cast<int64_t>(line.size()) == *size) {
      lines.push_back(rt.NewList(std::move(line)));
      line.clear();
    }
    line.push_back(item);
  }
  if (!line.empty()) {
    while (a.has(1) && !a[1].none() && static_cast<int64_t>(line.size()) < *size && rt.Work(1))
      line.push_back(a[1]);
    lines.push_back(rt.NewList(std::move(line)));
  }
  auto all = rt.NewList(std::move(lines));
  NextFn next = Iterate(rt, all);
  return next == nullptr ? all : NewIterator(rt, std::move(next), all.depth());
}

Value Slice(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "slice", args, {"slices", "fill_with"}, 1);
  const std::optional<int64_t> slices = a.ok() ? a.Int(0, 1) : std::nullopt;
  std::vector<Value> items, columns;
  if (!slices || !Collect(rt, subject, &items)) return subject;
  if (*slices == 0) return rt.Fail("integer division or modulo by zero");
  const auto size = static_cast<int64_t>(items.size());
  const int64_t each = *slices < 0 ? 0 : size / *slices, extra = *slices < 0 ? 0 : size % *slices;
  int64_t begin = 0;
  for (int64_t i = 0; i < *slices && rt.Work(1); ++i) {
    const int64_t end = begin + each + (i < extra ? 1 : 0);
    std::vector<Value> column(items.begin() + begin, items.begin() + end);
    if (a.has(1) && !a[1].none() && i >= extra) column.push_back(a[1]);
    columns.push_back(rt.NewList(std::move(column)));
    begin = end;
  }
  auto all = rt.NewList(std::move(columns));
  NextFn next = Iterate(rt, all);
  return next == nullptr ? all : NewIterator(rt, std::move(next), all.depth());
}

Value Items(Runtime& rt, const Value& subject, const Args& args) {
  if (!CallArgs(rt, "items", args, {}, 0).ok()) return subject;
  if (subject.undefined()) return NewIterator(rt, [](Value*) { return false; }, 1);
  if (!subject.dict()) return rt.Fail("Can only get item pairs from a mapping.");
  auto view = std::make_shared<DictView>(subject, DictView::Kind::kItems);
  NextFn next = Iterate(rt, rt.NewObject(std::move(view), subject.depth()));
  return next == nullptr ? subject : NewIterator(rt, std::move(next), subject.depth());
}

constexpr NamedRow<Filter> kRows[] = {{"map", Map},
                                      {"select", Select<false, true>},
                                      {"reject", Select<false, false>},
                                      {"selectattr", Select<true, true>},
                                      {"rejectattr", Select<true, false>},
                                      {"batch", Batch},
                                      {"slice", Slice},
                                      {"items", Items}};

}  // namespace

Filter FindPickFilter(std::string_view name) { return FindRow(kRows, name); }

}  // namespace linnet::jinja
