#include "storage/trust/canonical_json.h"

#include "runtime/base/status_macros.h"

namespace linnet::trust {
namespace {

void AppendString(std::string_view text, bool canonical, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (!canonical && static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// Recursion is bounded by the depth that the parser allowed, or that our own code built.
// NOLINTNEXTLINE(misc-no-recursion)
void Append(const Json& value, bool canonical, std::string& out) {
  if (const bool* b = value.boolean()) {
    out += *b ? "true" : "false";
  } else if (const int64_t* i = value.integer()) {
    out += std::to_string(*i);
  } else if (const std::string* s = value.text()) {
    AppendString(*s, canonical, out);
  } else if (const Json::Array* array = value.array()) {
    out += '[';
    bool first = true;
    for (const Json& element : *array) {
      if (!first) out += ',';
      first = false;
      Append(element, canonical, out);
    }
    out += ']';
  } else if (const Json::Object* object = value.object()) {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : *object) {
      if (!first) out += ',';
      first = false;
      AppendString(name, canonical, out);
      out += ':';
      Append(member, canonical, out);
    }
    out += '}';
  } else {
    out += "null";
  }
}

}  // namespace

Json::~Json() = default;
Json::Json(const Json&) = default;
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(const Json&) = default;
Json& Json::operator=(Json&&) noexcept = default;

Json::Json(uint64_t v) : value_(static_cast<int64_t>(v)) { LINNET_CHECK(v <= INT64_MAX); }

const Json* Json::Find(std::string_view name) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  const auto it = members->find(name);
  return it == members->end() ? nullptr : &it->second;
}

std::string Json::Canonical() const {
  std::string out;
  Append(*this, true, out);
  return out;
}

std::string Json::Dump() const {
  std::string out;
  Append(*this, false, out);
  return out;
}

}  // namespace linnet::trust
