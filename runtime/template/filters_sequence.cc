// Filters on sequences: order, sums, groups.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/call_args.h"
#include "runtime/template/filters.h"
#include "runtime/template/methods.h"
#include "runtime/template/objects.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"

namespace linnet::jinja {
namespace {

Value ListFilter(Runtime& rt, const Value& subject, const Args& args) {
  std::vector<Value> items;
  if (!CallArgs(rt, "list", args, {}, 0).ok() || !Collect(rt, subject, &items)) return subject;
  return rt.NewList(std::move(items));
}

Value First(Runtime& rt, const Value& subject, const Args& args) {
  const NextFn next = CallArgs(rt, "first", args, {}, 0).ok() ? Iterate(rt, subject) : nullptr;
  Value item;
  if (next == nullptr) return subject;
  return next(&item) ? item : rt.Undefined("No first item, sequence was empty.");
}

// What reversed() takes: what has a length and an order.
bool Reversible(const Value& value) {
  if (value.Is(Value::Kind::kObject))
    return value.object().TypeName() != "generator" && value.object().TypeName() != "Namespace";
  return value.string() || value.sequence() || value.dict();
}

Value Last(Runtime& rt, const Value& subject, const Args& args) {
  std::vector<Value> items;
  if (!CallArgs(rt, "last", args, {}, 0).ok()) return subject;
  if (subject.undefined()) return rt.Fail(subject.why());
  if (!Reversible(subject))
    return rt.Fail(absl::StrCat("'", std::string(subject.TypeName()), "' object is not reversible"));
  if (!Collect(rt, subject, &items)) return subject;
  return items.empty() ? rt.Undefined("No last item, sequence was empty.") : items.back();
}

Value FromVector(Runtime& rt, std::vector<Value> items, uint32_t depth) {
  auto next = [items = std::move(items), i = size_t{0}](Value* out) mutable {
    if (i >= items.size()) return false;
    *out = items[i++];
    return true;
  };
  return rt.NewObject(std::make_shared<Iterator>(std::move(next)), depth);
}

Value Reverse(Runtime& rt, const Value& subject, const Args& args) {
  if (!CallArgs(rt, "reverse", args, {}, 0).ok()) return subject;
  if (subject.string()) return GetSlice(rt, subject, Value(), Value(), Value::Int(-1));
  std::vector<Value> items;
  if (!Collect(rt, subject, &items)) return subject;
  std::reverse(items.begin(), items.end());
  // A generator becomes a list, the rest an iterator.
  if (!Reversible(subject)) return rt.NewList(std::move(items));
  return FromVector(rt, std::move(items), subject.depth());
}

Value JoinFilter(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "join", args, {"d", "attribute"}, 0);
  std::vector<Value> items;
  if (!a.ok() || !Collect(rt, subject, &items)) return subject;
  for (Value& item : items) {
    if (a.has(1) && !a[1].none()) item = AtPath(rt, item, a[1], Value());
    item = rt.Str(StrOf(item));
  }
  return Join(rt, a.has(0) ? rt.Str(StrOf(a[0])) : rt.Str(Text()), items);
}

// Sorts by keys; equal keys stay in order, also in reverse.
Value Sorted(Runtime& rt, std::vector<std::pair<Value, Value>> keyed, bool reverse) {
  if (reverse) std::reverse(keyed.begin(), keyed.end());
  // A comparison that fails says false; the order then means nothing, and nobody sees it.
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&](const auto& a, const auto& b) { return !rt.failed() && Less(rt, a.first, b.first); });
  if (reverse) std::reverse(keyed.begin(), keyed.end());
  std::vector<Value> items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return rt.NewList(std::move(items));
}

// The keys for the paths "a.b,c", one list a value.
Value SortKey(Runtime& rt, const Value& item, const Value& attribute, bool case_sensitive) {
  std::vector<Value> keys;
  const auto add = [&](const Value& path) {
    const Value key = path.missing() ? item : AtPath(rt, item, path, Value());
    keys.push_back(case_sensitive ? key : WithoutCase(rt, key));
  };
  if (!attribute.string()) {
    add(attribute.none() ? Value() : attribute);
  } else {
    const std::string_view paths = attribute.view();
    for (size_t at = 0; at <= paths.size() && rt.Work(1);) {
      const size_t comma = std::min(paths.find(',', at), paths.size());
      add(rt.Str(attribute.text().Sub(at, comma)));
      at = comma + 1;
    }
  }
  return rt.NewList(std::move(keys));
}

Value Sort(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "sort", args, {"reverse", "case_sensitive", "attribute"}, 0);
  std::vector<Value> items;
  if (!a.ok() || !Collect(rt, subject, &items)) return subject;
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : items) {
    Value key = SortKey(rt, item, a[2], a.Flag(1, false));
    keyed.emplace_back(std::move(key), std::move(item));
  }
  return Sorted(rt, std::move(keyed), a.Flag(0, false));
}

Value DictSort(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "dictsort", args, {"case_sensitive", "by", "reverse"}, 0);
  const Text* by = a.ok() ? a.Str(1, false) : nullptr;
  if (!a.ok()) return subject;
  const bool by_value = by != nullptr && by->view() == "value";
  if (by != nullptr && !by_value && by->view() != "key") {
    return rt.Fail("You can only sort by either \"key\" or \"value\"");
  }
  if (subject.undefined()) return rt.Fail(subject.why());
  if (!subject.dict())
    return rt.Fail(absl::StrCat("'", std::string(subject.TypeName()), "' object has no attribute 'items'"));
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [key, value] : subject.entries().entries()) {
    const Value sort_key = by_value ? value : key;
    keyed.emplace_back(a.Flag(0, false) ? sort_key : WithoutCase(rt, sort_key), rt.NewTuple({key, value}));
  }
  return Sorted(rt, std::move(keyed), a.Flag(2, false));
}

template <bool most>
Value Extreme(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, most ? "max" : "min", args, {"case_sensitive", "attribute"}, 0);
  std::vector<Value> items;
  if (!a.ok() || !Collect(rt, subject, &items)) return subject;
  if (items.empty()) return rt.Undefined("No aggregated item, sequence was empty.");
  const auto key_of = [&](const Value& item) {
    const Value key = a.has(1) && !a[1].none() ? AtPath(rt, item, a[1], Value()) : item;
    return a.Flag(0, false) ? key : WithoutCase(rt, key);
  };
  Value best = items[0], best_key = key_of(best);
  for (size_t i = 1; i < items.size() && !rt.failed(); ++i) {
    const Value key = key_of(items[i]);
    if (most ? Less(rt, best_key, key) : Less(rt, key, best_key)) {
      best = items[i];
      best_key = key;
    }
  }
  return best;
}

Value Sum(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "sum", args, {"attribute", "start"}, 0);
  std::vector<Value> items;
  if (!a.ok() || !Collect(rt, subject, &items)) return subject;
  Value sum = a.has(1) ? a[1] : Value::Int(0);
  if (sum.string()) return rt.Fail("sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : items) {
    if (rt.failed()) break;
    sum = Binary(rt, Operator::kAdd, sum, a.has(0) && !a[0].none() ? AtPath(rt, item, a[0], Value()) : item);
  }
  return sum;
}

Value Unique(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "unique", args, {"case_sensitive", "attribute"}, 0);
  std::vector<Value> items, kept;
  if (!a.ok() || !Collect(rt, subject, &items)) return subject;
  absl::flat_hash_map<std::string, bool> seen;
  for (const Value& item : items) {
    const Value key = a.has(1) && !a[1].none() ? AtPath(rt, item, a[1], Value()) : item;
    const auto hash = HashKey(a.Flag(0, false) ? key : WithoutCase(rt, key));
    if (!hash) return rt.Fail(absl::StrCat("unhashable type: '", std::string(key.TypeName()), "'"));
    if (seen.emplace(*hash, true).second) kept.push_back(item);
  }
  return FromVector(rt, std::move(kept), subject.depth());
}

Value GroupBy(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "groupby", args, {"attribute", "default", "case_sensitive"}, 1);
  std::vector<Value> items;
  if (!a.ok() || !Collect(rt, subject, &items)) return subject;
  const Value otherwise = a.has(1) && !a[1].none() ? a[1] : Value();
  const auto key_of = [&](const Value& item) {
    const Value key = AtPath(rt, item, a[0], otherwise);
    return a.Flag(2, false) ? key : WithoutCase(rt, key);
  };
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : items) {
    Value key = key_of(item);
    keyed.emplace_back(std::move(key), std::move(item));
  }
  const Value sorted = Sorted(rt, std::move(keyed), false);
  std::vector<Value> groups, group;
  Value group_key;
  const auto close = [&] {
    if (group.empty()) return;
    // The name as the first of the group writes it.
    Value grouper = a.Flag(2, false) ? group_key : AtPath(rt, group[0], a[0], otherwise);
    groups.push_back(rt.NewGroup(std::move(grouper), rt.NewList(std::move(group))));
    group.clear();
  };
  if (!sorted.sequence()) return sorted;
  for (const Value& item : sorted.items()) {
    if (rt.failed()) break;
    const Value key = key_of(item);
    if (!group.empty() && !Equal(rt, group_key, key)) close();
    group_key = key;
    group.push_back(item);
  }
  close();
  return rt.NewList(std::move(groups));
}

constexpr NamedRow<Filter> kRows[] = {{"list", ListFilter},   {"first", First},        {"last", Last},
                                      {"reverse", Reverse},   {"join", JoinFilter},    {"sort", Sort},
                                      {"dictsort", DictSort}, {"min", Extreme<false>}, {"max", Extreme<true>},
                                      {"sum", Sum},           {"unique", Unique},      {"groupby", GroupBy}};

}  // namespace

Filter FindSequenceFilter(std::string_view name) { return FindRow(kRows, name); }

}  // namespace linnet::jinja
