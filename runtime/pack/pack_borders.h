#ifndef LINNET_RUNTIME_PACK_PACK_BORDERS_H_
#define LINNET_RUNTIME_PACK_PACK_BORDERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"

namespace linnet::pack {

// Where the parts of a packed file begin, ascending: each key of the metadata, what follows the metadata, the
// tokenizer's tables, each tensor. A part that is the same in two files has the same bytes there, at whatever
// offset (padding follows from what is before it). What stands before the first is of this file only. Errors:
// those of OpenPacked.
absl::StatusOr<std::vector<uint64_t>> BordersOf(base::FileSystem& fs, const std::string& path);

}  // namespace linnet::pack

#endif  // LINNET_RUNTIME_PACK_PACK_BORDERS_H_
