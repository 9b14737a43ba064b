#include "runtime/template/globals.h"

#include <algorithm>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "runtime/template/call_args.h"
#include "runtime/template/objects.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"

namespace linnet::jinja {
namespace {

constexpr int64_t kLongestRange = 100'000;           // as Jinja's sandbox has it
constexpr int64_t kLargestBound = int64_t{1} << 40;  // so that no element overflows

Value RangeOf(Runtime& rt, const Args& args) {
  CallArgs a(rt, "range", args, {"/start", "/stop", "/step"}, 1);
  const auto first = a.ok() ? a.Int(0, 0) : std::nullopt;
  const auto second = first ? a.Int(1, 0) : std::nullopt;
  const auto step = second ? a.Int(2, 1) : std::nullopt;
  if (!step) return rt.Undefined("");
  if (*step == 0) return rt.Fail("range() arg 3 must not be zero");
  for (const int64_t bound : {*first, *second, *step}) {
    if (bound > kLargestBound || bound < -kLargestBound)
      return rt.Fail("range() takes no numbers that large");
  }
  auto range = std::make_shared<Range>(a.has(1) ? *first : 0, a.has(1) ? *second : *first, *step);
  if (range->size() > kLongestRange) {
    return rt.Fail(absl::StrCat("Range too big. The sandbox blocks ranges larger than MAX_RANGE (",
                                kLongestRange, ")."));
  }
  return rt.NewObject(std::move(range), 0);
}

// The entries of dict(...) or namespace(...): of one mapping or sequence of pairs, then the keywords.
bool EntriesOf(Runtime& rt, const Args& args, std::vector<std::pair<Value, Value>>* out) {
  if (args.positional.size() > 1) {
    rt.Fail("dict expected at most 1 argument");
    return false;
  }
  if (!args.positional.empty() && args.positional[0].dict()) {
    *out = args.positional[0].entries().entries();
  } else if (!args.positional.empty()) {
    std::vector<Value> pairs;
    if (!Collect(rt, args.positional[0], &pairs)) return false;
    for (const Value& pair : pairs) {
      std::vector<Value> two;
      if (!Collect(rt, pair, &two)) return false;
      if (two.size() != 2) {
        rt.Fail(
            absl::StrCat("dictionary update sequence element has length ", two.size(), "; 2 is required"));
        return false;
      }
      out->emplace_back(two[0], two[1]);
    }
  }
  for (const auto& [name, value] : args.keywords) out->emplace_back(rt.Trusted(name), value);
  return true;
}

Value DictOf(Runtime& rt, const Args& args) {
  std::vector<std::pair<Value, Value>> entries;
  return EntriesOf(rt, args, &entries) ? rt.NewDict(entries) : rt.Undefined("");
}

Value NamespaceOf(Runtime& rt, const Args& args) {
  std::vector<std::pair<Value, Value>> entries;
  if (!EntriesOf(rt, args, &entries)) return rt.Undefined("");
  auto ns = std::make_shared<Namespace>();
  for (const auto& [key, value] : entries) {
    if (key.string()) ns->Set(std::string(key.view()), value);
  }
  return rt.NewNamespace(std::move(ns));
}

// cycler("odd", "even"): next(), current, reset().
class Cycler final : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string_view TypeName() const override { return "Cycler"; }
  std::optional<Value> Attribute(Runtime& rt, std::string_view name) override {
    if (name == "current") return items_[at_];
    if (name == "pos") return Value::Int(static_cast<int64_t>(at_));
    if (name == "next") return Own(rt, "next", &Cycler::Next);
    if (name == "reset") return Own(rt, "reset", &Cycler::Reset);
    return std::nullopt;
  }

 private:
  Value Own(Runtime& rt, const char* name, Value (Cycler::*method)()) {
    auto body = [this, method](Runtime&, const Args&) { return (this->*method)(); };
    return rt.NewObject(std::make_shared<Function>(name, std::move(body)), depth);
  }
  Value Next() {
    Value item = items_[at_];
    at_ = (at_ + 1) % items_.size();
    return item;
  }
  Value Reset() {
    at_ = 0;
    return Value::None();
  }
  const std::vector<Value> items_;
  size_t at_ = 0;
};

Value CyclerOf(Runtime& rt, const Args& args) {
  if (args.positional.empty()) return rt.Fail("at least one item has to be provided");
  uint32_t depth = 0;
  for (const Value& item : args.positional) depth = std::max(depth, item.depth());
  return rt.NewObject(std::make_shared<Cycler>(args.positional), depth);
}

// joiner(", "): nothing the first time it is called, then the separator.
Value JoinerOf(Runtime& rt, const Args& args) {
  CallArgs a(rt, "joiner", args, {"sep"}, 0);
  if (!a.ok()) return rt.Undefined("");
  const Value separator = a.has(0) ? a[0] : rt.Trusted(", ");
  auto body = [separator, used = std::make_shared<bool>(false)](Runtime& r, const Args&) {
    const bool first = !std::exchange(*used, true);
    return first ? r.Str(Text()) : separator;
  };
  return rt.NewObject(std::make_shared<Function>("joiner", std::move(body)), separator.depth());
}

Value RaiseException(Runtime& rt, const Args& args) {
  CallArgs a(rt, "raise_exception", args, {"message"}, 1);
  return a.ok() ? rt.Fail(std::string(kRaised) + std::string(StrOf(a[0]).view())) : rt.Undefined("");
}

// One directive of strftime, with the C library's rules in the C locale.
std::string Formatted(const WallClock& now, const std::string& directive) {
  const absl::CivilSecond& t = now.second;
  std::tm tm = {};
  tm.tm_year = static_cast<int>(t.year() - 1900);
  tm.tm_mon = t.month() - 1;
  tm.tm_mday = t.day();
  tm.tm_hour = t.hour();
  tm.tm_min = t.minute();
  tm.tm_sec = t.second();
  const absl::CivilDay day(t);
  tm.tm_yday = absl::GetYearDay(day) - 1;
  tm.tm_wday = (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;
  char buffer[256];
  return {buffer, std::strftime(buffer, sizeof buffer, directive.c_str(), &tm)};
}

Value StrftimeNow(Runtime& rt, const Args& args) {
  CallArgs a(rt, "strftime_now", args, {"format"}, 1);
  const Text* format = a.ok() ? a.Str(0, false) : nullptr;
  if (format == nullptr) return rt.Undefined("");
  const std::string_view text = format->view();
  Text out;
  for (size_t at = 0; at < text.size() && !out.overflowed() && rt.Work(1);) {
    const size_t percent = std::min(text.find('%', at), text.size());
    out.Append(*format, at, percent);
    if (percent == text.size()) break;
    size_t end = percent + 1;
    while (end < text.size() && std::string_view("-_0^#").find(text[end]) != std::string_view::npos) ++end;
    const char letter = end < text.size() ? text[end] : '\0';
    at = std::min(end + 1, text.size());
    if (letter == 'f') {
      std::string digits = std::to_string(1'000'000 + rt.now().microsecond);
      out.Append(digits.substr(1), true);
    } else if (letter != 'z' && letter != 'Z') {  // empty: the clock has no zone
      const bool known =
          std::string_view("aAbBcCdDeFgGhHIjklmMnpPrRStTuUVwWxXyY%").find(letter) != std::string_view::npos;
      const std::string directive(text.substr(percent, at - percent));
      out.Append(known && letter != '\0' ? Formatted(rt.now(), directive) : directive,
                 format->TrustedAt(percent));
    }
  }
  return rt.Str(std::move(out));
}

struct Row {
  std::string_view name;
  Value (*call)(Runtime&, const Args&);
};
constexpr Row kRows[] = {{"range", RangeOf},           {"dict", DictOf},
                         {"namespace", NamespaceOf},   {"cycler", CyclerOf},
                         {"joiner", JoinerOf},         {"raise_exception", RaiseException},
                         {"strftime_now", StrftimeNow}};

}  // namespace

Value FindGlobal(Runtime& rt, std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return rt.NewObject(std::make_shared<Function>(std::string(name), row.call), 0);
  }
  return {};
}

}  // namespace linnet::jinja
