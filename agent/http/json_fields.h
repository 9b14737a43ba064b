#ifndef LINNET_AGENT_HTTP_JSON_FIELDS_H_
#define LINNET_AGENT_HTTP_JSON_FIELDS_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "agent/http/errors.h"

namespace linnet::http {

// Inside agent/http: members of a request's JSON object, each with its own error. A member that is absent or
// null leaves `out` as it is.

// Nothing: the parameter is fine.
using Problem = std::optional<ApiError>;

ApiError Wrong(std::string param, std::string_view what, std::string code = "invalid_value");
ApiError Unsupported(std::string param);

bool IsAbsent(const nlohmann::json& root, const char* name);
Problem Number(const nlohmann::json& root, const char* name, double least, double most, float* out);
Problem Integer(const nlohmann::json& root, const char* name, int64_t least, int64_t most, int64_t* out);
Problem Count(const nlohmann::json& root, const char* name, uint32_t least, uint32_t most, uint32_t* out);
Problem Boolean(const nlohmann::json& root, const char* name, bool* out);

}  // namespace linnet::http

#endif  // LINNET_AGENT_HTTP_JSON_FIELDS_H_
