#ifndef LINNET_RUNTIME_TOOLS_MEMORY_USE_H_
#define LINNET_RUNTIME_TOOLS_MEMORY_USE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace linnet::tools {

// The most memory that this process had at once, mapped pages of files included; 0 where the system does not
// say.
uint64_t PeakRssBytes();

// What this process has mapped of the file and has in memory; none where it has nothing of it mapped.
std::optional<uint64_t> MappedResidentBytes(const std::string& path);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_MEMORY_USE_H_
