#include "runtime/grammar/json_schema.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::grammar {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxSchemaBytes = 64 << 10;
constexpr int kMaxDepth = 16;
constexpr int64_t kMaxRange = 1000;

const char* const kAnnotations[] = {"title",   "description", "default", "examples",
                                    "$schema", "$id",         "$comment"};

Expression Digits(uint32_t min, uint32_t max) {
  std::bitset<128> digits;
  for (char c = '0'; c <= '9'; ++c) digits.set(static_cast<size_t>(c));
  return Expression::Repeat(Expression::Character(digits, false), min, max);
}

// Without a leading zero; 15 digits are exact in a double, which is what most readers parse into.
Expression NaturalNumber(bool with_zero) {
  const Expression positive = Expression::Sequence(
      {Expression::OneOfTexts({"1", "2", "3", "4", "5", "6", "7", "8", "9"}), Digits(0, 14)});
  return with_zero ? Expression::OneOf({Expression::Literal("0"), positive}) : positive;
}

Expression Optional(Expression part) { return Expression::Repeat(std::move(part), 0, 1); }
Expression Quoted(Expression content) {
  return Expression::Sequence({Expression::Literal("\""), std::move(content), Expression::Literal("\"")});
}
Expression AnyString(uint32_t min, uint32_t max) { return Quoted(Expression::JsonContent(min, max)); }
Expression AnyNumber(bool negative) {
  const Expression fraction = Optional(Expression::Sequence({Expression::Literal("."), Digits(1, 9)}));
  return Expression::Sequence({negative ? Optional(Expression::Literal("-")) : Expression::Literal(""),
                               NaturalNumber(true), fraction});
}

// JSON pointer, RFC 6901.
std::string Pointer(const std::string& at, const std::string& key) {
  std::string out = at + "/";
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

absl::Status Refuse(const std::string& pointer, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat("schema: ", pointer.empty() ? "(root)" : pointer, ": ", why));
}

class Compiler {
 public:
  absl::StatusOr<Expression> Schema(const Json& schema, const std::string& at, int depth) {
    if (depth > kMaxDepth) {
      return absl::ResourceExhaustedError(
          absl::StrCat("schema: ", at, ": nested deeper than ", kMaxDepth, " levels"));
    }
    if (!schema.is_object()) return Refuse(at, "expected a schema object");
    const bool fixed = schema.contains("enum") || schema.contains("const");
    if (!schema.contains("type") && !fixed) return Refuse(at, "needs \"type\", \"enum\" or \"const\"");
    std::string type;
    if (schema.contains("type")) {
      if (!schema["type"].is_string())
        return Refuse(Pointer(at, "type"), "only one type by name is supported");
      type = schema["type"].get<std::string>();
    }
    if (fixed) return Fixed(schema, type, at);
    if (type == "object") return Object(schema, at, depth);
    if (type == "array") return Array(schema, at, depth);
    if (type == "string") return String(schema, at);
    if (type == "integer" || type == "number") return Number(schema, type == "integer", at);
    if (type == "boolean" || type == "null") {
      LINNET_RETURN_IF_ERROR(Only(schema, {"type"}, at));
      return type == "null" ? Expression::Literal("null") : Expression::OneOfTexts({"true", "false"});
    }
    return Refuse(Pointer(at, "type"), absl::StrCat("unknown type \"", type, "\""));
  }

 private:
  // Every keyword is one of `known` or an annotation: what is not understood is refused, never ignored.
  static absl::Status Only(const Json& schema, std::initializer_list<const char*> known,
                           const std::string& at) {
    for (const auto& [key, value] : schema.items()) {
      const auto is_key = [&key = key](const char* k) { return key == k; };
      if (std::any_of(known.begin(), known.end(), is_key)) continue;
      if (std::any_of(std::begin(kAnnotations), std::end(kAnnotations), is_key)) continue;
      return Refuse(Pointer(at, key), "keyword is not supported here");
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<uint32_t> Count(const Json& schema, const char* key, uint32_t otherwise,
                                        const std::string& at) {
    if (!schema.contains(key)) return otherwise;
    const Json& value = schema[key];
    if (!value.is_number_unsigned() || value.get<uint64_t>() > 1'000'000) {
      return Refuse(Pointer(at, key), "expected a whole number from 0 to 1000000");
    }
    return static_cast<uint32_t>(value.get<uint64_t>());
  }

  static bool IsOfType(const Json& value, const std::string& type) {
    return type.empty() || (type == "string" && value.is_string()) ||
           (type == "integer" && value.is_number_integer()) || (type == "number" && value.is_number()) ||
           (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
  }

  static absl::StatusOr<Expression> Fixed(const Json& schema, const std::string& type,
                                          const std::string& at) {
    LINNET_RETURN_IF_ERROR(Only(schema, {"type", "enum", "const"}, at));
    if (schema.contains("enum") && schema.contains("const")) {
      return Refuse(Pointer(at, "const"), "not together with \"enum\"");
    }
    const char* key = schema.contains("enum") ? "enum" : "const";
    const std::string here = Pointer(at, key);
    if (schema.contains("enum") && (!schema["enum"].is_array() || schema["enum"].empty())) {
      return Refuse(here, "expected a list with at least one value");
    }
    std::vector<std::string> texts;
    const Json values = schema.contains("enum") ? schema["enum"] : Json::array({schema["const"]});
    for (const Json& value : values) {
      if (value.is_structured())
        return Refuse(here, "only strings, numbers, true, false and null are supported");
      if (!IsOfType(value, type)) return Refuse(here, absl::StrCat(value.dump(), " is not of type ", type));
      texts.push_back(value.dump());
    }
    return Expression::OneOfTexts(texts);
  }

  absl::StatusOr<Expression> Object(const Json& schema, const std::string& at, int depth) {
    LINNET_RETURN_IF_ERROR(Only(schema, {"type", "properties", "required", "additionalProperties"}, at));
    if (schema.contains("additionalProperties") && !schema["additionalProperties"].is_boolean()) {
      return Refuse(Pointer(at, "additionalProperties"), "only true or false is supported");
    }
    const std::string properties_at = Pointer(at, "properties");
    if (!schema.contains("properties") || !schema["properties"].is_object()) {
      return Refuse(properties_at, "an object needs its properties by name");
    }
    const Json& properties = schema["properties"];
    if (schema.contains("required")) {
      if (!schema["required"].is_array()) return Refuse(Pointer(at, "required"), "expected a list of names");
      for (const Json& name : schema["required"]) {
        if (!name.is_string()) return Refuse(Pointer(at, "required"), "expected a list of names");
        if (!properties.contains(name.get<std::string>())) {
          return Refuse(Pointer(at, "required"), absl::StrCat(name.dump(), " is not among the properties"));
        }
      }
    }
    std::vector<Expression> parts;
    std::string text = "{";
    for (const auto& [name, property] : properties.items()) {
      text += Json(name).dump() + ":";
      parts.push_back(Expression::Literal(text));
      LINNET_ASSIGN_OR_RETURN(Expression value, Schema(property, Pointer(properties_at, name), depth + 1));
      parts.push_back(std::move(value));
      text.assign(1, ',');
    }
    parts.push_back(Expression::Literal(properties.empty() ? "{}" : "}"));
    return Expression::Sequence(std::move(parts));
  }

  absl::StatusOr<Expression> Array(const Json& schema, const std::string& at, int depth) {
    LINNET_RETURN_IF_ERROR(Only(schema, {"type", "items", "minItems", "maxItems"}, at));
    if (!schema.contains("items"))
      return Refuse(Pointer(at, "items"), "an array needs the schema of its items");
    LINNET_ASSIGN_OR_RETURN(const uint32_t min, Count(schema, "minItems", 0, at));
    LINNET_ASSIGN_OR_RETURN(const uint32_t max, Count(schema, "maxItems", Expression::kUnbounded, at));
    if (min > max) return Refuse(Pointer(at, "maxItems"), "is smaller than minItems");
    LINNET_ASSIGN_OR_RETURN(Expression item, Schema(schema["items"], Pointer(at, "items"), depth + 1));
    return Expression::Sequence({Expression::Literal("["), Expression::List(std::move(item), ",", min, max),
                                 Expression::Literal("]")});
  }

  static absl::StatusOr<Expression> String(const Json& schema, const std::string& at) {
    LINNET_RETURN_IF_ERROR(Only(schema, {"type", "minLength", "maxLength"}, at));
    LINNET_ASSIGN_OR_RETURN(const uint32_t min, Count(schema, "minLength", 0, at));
    LINNET_ASSIGN_OR_RETURN(const uint32_t max, Count(schema, "maxLength", Expression::kUnbounded, at));
    if (min > max) return Refuse(Pointer(at, "maxLength"), "is smaller than minLength");
    return AnyString(min, max);
  }

  static absl::StatusOr<Expression> Number(const Json& schema, bool integer, const std::string& at) {
    LINNET_RETURN_IF_ERROR(Only(schema, {"type", "minimum", "maximum"}, at));
    for (const char* key : {"minimum", "maximum"}) {
      if (schema.contains(key) && !schema[key].is_number_integer()) {
        return Refuse(Pointer(at, key), "only whole numbers are supported");
      }
    }
    const bool has_min = schema.contains("minimum");
    if (schema.contains("maximum")) {
      if (!integer) return Refuse(Pointer(at, "maximum"), "supported for integers only");
      if (!has_min) return Refuse(Pointer(at, "maximum"), "needs \"minimum\" beside it");
      const double width = schema["maximum"].get<double>() - schema["minimum"].get<double>();
      if (width < 0) return Refuse(Pointer(at, "maximum"), "is smaller than minimum");
      if (width >= kMaxRange) {
        return Refuse(Pointer(at, "maximum"),
                      absl::StrCat("a range of at most ", kMaxRange, " values is supported"));
      }
      std::vector<std::string> texts;
      const int64_t first = schema["minimum"].get<int64_t>();
      for (int64_t i = 0; i <= static_cast<int64_t>(width); ++i) texts.push_back(absl::StrCat(first + i));
      return Expression::OneOfTexts(texts);
    }
    if (!has_min) {
      if (!integer) return AnyNumber(true);
      // No "-0": it is not the integer that some readers make of it.
      return Expression::OneOf(
          {NaturalNumber(true), Expression::Sequence({Expression::Literal("-"), NaturalNumber(false)})});
    }
    const int64_t min = schema["minimum"].get<int64_t>();
    if (min == 0) return integer ? NaturalNumber(true) : AnyNumber(false);
    if (min == 1 && integer) return NaturalNumber(false);
    return Refuse(Pointer(at, "minimum"), "without \"maximum\" only 0 (or 1 for integers) is supported");
  }
};

Expression AnyValue(uint32_t depth);

Expression AnyObject(uint32_t depth) {
  const Expression member = Expression::Sequence(
      {AnyString(0, Expression::kUnbounded), Expression::Literal(":"), AnyValue(depth - 1)});
  return Expression::Sequence({Expression::Literal("{"),
                               Expression::List(member, ",", 0, Expression::kUnbounded),
                               Expression::Literal("}")});
}

Expression AnyValue(uint32_t depth) {
  std::vector<Expression> forms = {AnyString(0, Expression::kUnbounded), AnyNumber(true),
                                   Expression::OneOfTexts({"true", "false", "null"})};
  if (depth > 0) {
    forms.push_back(AnyObject(depth));
    forms.push_back(Expression::Sequence(
        {Expression::Literal("["), Expression::List(AnyValue(depth - 1), ",", 0, Expression::kUnbounded),
         Expression::Literal("]")}));
  }
  return Expression::OneOf(std::move(forms));
}

}  // namespace

absl::StatusOr<Expression> SchemaExpression(std::string_view schema) {
  if (schema.size() > kMaxSchemaBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("schema: ", schema.size(), " bytes, at most ", kMaxSchemaBytes, " are read"));
  }
  const Json parsed = Json::parse(schema, nullptr, false);
  if (parsed.is_discarded()) return absl::InvalidArgumentError("schema: is not JSON");
  return Compiler().Schema(parsed, "", 0);
}

absl::StatusOr<Grammar> CompileSchema(std::string_view schema, const GrammarLimits& limits) {
  LINNET_ASSIGN_OR_RETURN(const Expression expression, SchemaExpression(schema));
  return Grammar::Compile(expression, limits);
}

absl::StatusOr<Grammar> AnyJsonObject(uint32_t depth) {
  if (depth < 1 || depth > 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("grammar: JSON of depth ", depth, ", from 1 to 4 is supported"));
  }
  GrammarLimits limits;
  limits.max_states = 100'000;
  return Grammar::Compile(AnyObject(depth), limits);
}

}  // namespace linnet::grammar
