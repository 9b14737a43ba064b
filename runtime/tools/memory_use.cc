#include "runtime/tools/memory_use.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace linnet::tools {
namespace {

// "Rss:     123 kB" of a file in /proc.
bool ReadKilobytes(const std::string& line, const char* name, uint64_t& bytes) {
  unsigned long long kilobytes = 0;
  if (std::sscanf(line.c_str(), (std::string(name) + ": %llu kB").c_str(), &kilobytes) != 1) return false;
  bytes = uint64_t{kilobytes} * 1024;
  return true;
}

}  // namespace

uint64_t PeakRssBytes() {
  // Not getrusage: there a program that was started by a large one begins with that one's peak.
  std::ifstream status("/proc/self/status");
  uint64_t bytes = 0;
  for (std::string line; std::getline(status, line);) {
    if (ReadKilobytes(line, "VmHWM", bytes)) break;
  }
  return bytes;
}

std::optional<uint64_t> MappedResidentBytes(const std::string& path) {
  std::error_code error;
  const std::string wanted = std::filesystem::canonical(path, error).string();
  if (error) return std::nullopt;
  std::ifstream maps("/proc/self/smaps");
  std::optional<uint64_t> sum;
  bool of_file = false;
  for (std::string line; std::getline(maps, line);) {
    // A mapping begins with its addresses, and ends with its file; then come lines of figures.
    unsigned long long begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx ", &begin, &end) == 2) {
      of_file = line.ends_with(" " + wanted);
      if (of_file && !sum.has_value()) sum = 0;
    } else if (uint64_t bytes = 0; of_file && ReadKilobytes(line, "Rss", bytes)) {
      *sum += bytes;
    }
  }
  return sum;
}

}  // namespace linnet::tools
