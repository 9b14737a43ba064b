#ifndef LINNET_AGENT_CONFIG_FILE_H_
#define LINNET_AGENT_CONFIG_FILE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace linnet::agent {

// One of the three is set.
struct ConfigValue {
  std::optional<std::string> text;
  std::optional<int64_t> number;
  std::optional<bool> flag;
};

// The top-level keys of a TOML file. NotFound: no such file. InvalidArgument: not TOML (with the line), or a
// value that is no text, whole number or boolean.
absl::StatusOr<std::map<std::string, ConfigValue>> ReadConfigFile(const std::string& path);

}  // namespace linnet::agent

#endif  // LINNET_AGENT_CONFIG_FILE_H_
