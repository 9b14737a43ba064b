#ifndef LINNET_RUNTIME_PACK_PACK_WRITER_H_
#define LINNET_RUNTIME_PACK_PACK_WRITER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/pack/pack_format.h"

namespace linnet::pack {

struct PackOptions {
  bool replace = false;  // a file that is there
  // Whether the pack says which file it is of (PackSource::stamp). Without, the same GGUF gives the same
  // bytes everywhere: what is signed.
  bool stamped = false;
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;  // may be null
};

struct PackReport {
  PackSource source;
  uint64_t bytes = 0;               // of the pack
  uint64_t tensors = 0, tiled = 0;  // all, and those in tiles
};

// Packs a GGUF into the new file `out`: after an error, a kill or a cut of power, what was there is there.
// Errors: those of GgufFile::Open; DataLoss names a tensor with a scale that is infinite or not a number;
// AlreadyExists; ResourceExhausted when the disk has too little space, before anything is written; those of
// FileSystem.
absl::StatusOr<PackReport> Pack(base::FileSystem& fs, const std::string& gguf, const std::string& out,
                                const PackOptions& options);

absl::StatusOr<base::Sha256Digest> Sha256OfFile(base::FileSystem& fs, const std::string& path);
// The state of a file on this machine.
absl::StatusOr<PackStamp> StampOf(base::FileSystem& fs, const std::string& path);

}  // namespace linnet::pack

#endif  // LINNET_RUNTIME_PACK_PACK_WRITER_H_
