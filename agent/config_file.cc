#include "agent/config_file.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"

namespace linnet::agent {

absl::StatusOr<std::map<std::string, ConfigValue>> ReadConfigFile(const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const std::string text, base::FileSystem::Real().ReadFile(path, 1 << 20));
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", parsed.error().source().begin.line, ": ",
                                                   std::string(parsed.error().description())));
  }
  std::map<std::string, ConfigValue> values;
  for (const auto& [key, node] : parsed.table()) {
    ConfigValue value;
    if (node.is_string()) {
      value.text = node.value<std::string>();
    } else if (node.is_integer()) {
      value.number = node.value<int64_t>();
    } else if (node.is_boolean()) {
      value.flag = node.value<bool>();
    } else {
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(key.str()),
                                                     ": expected a text, a whole number, true or false"));
    }
    values[std::string(key.str())] = std::move(value);
  }
  return values;
}

}  // namespace linnet::agent
