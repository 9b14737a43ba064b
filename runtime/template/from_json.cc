#include "runtime/template/from_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "runtime/base/utf8.h"

namespace linnet::jinja {
namespace {

// Whoever may call with a role may call with any of these; other words could spell control tokens.
constexpr std::string_view kRoles[] = {"system", "developer", "user",    "assistant",
                                       "tool",   "function",  "ipython", "model"};

Value Convert(Runtime& rt, const nlohmann::ordered_json& json, bool trusted, uint32_t depth) {
  if (depth > Limits::kNesting) {
    return rt.FailLimit(absl::StrCat("values are nested more than ", Limits::kNesting, " deep"));
  }
  if (!rt.Work(1)) return rt.Undefined("");
  switch (json.type()) {
    case nlohmann::ordered_json::value_t::boolean:
      return Value::Bool(json.get<bool>());
    case nlohmann::ordered_json::value_t::number_integer:
      return Value::Int(json.get<int64_t>(), trusted);
    case nlohmann::ordered_json::value_t::number_unsigned:
      if (json.get<uint64_t>() > INT64_MAX) return rt.Fail("integers beyond 64 bits are not supported");
      return Value::Int(json.get<int64_t>(), trusted);
    case nlohmann::ordered_json::value_t::number_float:
      return Value::Float(json.get<double>(), trusted);
    case nlohmann::ordered_json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      if (!base::IsUtf8(text)) return rt.Fail("a text in the messages is not UTF-8");
      return rt.Str(Text(text, trusted));
    }
    case nlohmann::ordered_json::value_t::array: {
      std::vector<Value> items;
      for (const auto& item : json) items.push_back(Convert(rt, item, trusted, depth + 1));
      return rt.NewList(std::move(items));
    }
    case nlohmann::ordered_json::value_t::object: {
      std::vector<std::pair<Value, Value>> entries;
      for (const auto& [key, item] : json.items()) {
        if (!base::IsUtf8(key)) return rt.Fail("a text in the messages is not UTF-8");
        Value name = rt.Str(Text(key, trusted));
        entries.emplace_back(std::move(name), Convert(rt, item, trusted, depth + 1));
      }
      return rt.NewDict(entries);
    }
    default:
      return Value::None();
  }
}

}  // namespace

Value FromJson(Runtime& rt, const nlohmann::ordered_json& json, bool trusted) {
  return Convert(rt, json, trusted, 1);
}

Value MessagesFromJson(Runtime& rt, const nlohmann::ordered_json& json) {
  if (!json.is_array()) return FromJson(rt, json, false);
  std::vector<Value> messages;
  for (const auto& message : json) {
    Value value = FromJson(rt, message, false);
    const Value* role = value.dict() ? value.entries().FindString("role") : nullptr;
    if (role != nullptr && role->string() &&
        std::find(std::begin(kRoles), std::end(kRoles), role->view()) != std::end(kRoles)) {
      std::vector<std::pair<Value, Value>> entries = value.entries().entries();
      for (auto& [key, item] : entries) {
        if (key.string() && key.view() == "role") item = rt.Trusted(item.view());
      }
      value = rt.NewDict(entries);
    }
    messages.push_back(std::move(value));
  }
  return rt.NewList(std::move(messages));
}

}  // namespace linnet::jinja
