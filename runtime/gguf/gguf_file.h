#ifndef LINNET_RUNTIME_GGUF_GGUF_FILE_H_
#define LINNET_RUNTIME_GGUF_GGUF_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/gguf/model_file.h"

namespace linnet::gguf {

// A GGUF file (v2 or v3, little-endian; spec: ggml docs/gguf.md), mapped and fully bounds-checked: once Open
// returns OK, every view below is inside the file. Views and names are valid for the object's life.
// Immutable, so thread-safe. Errors of Open: DataLoss (not GGUF, truncated, overlapping, overflowing, nested
// too deeply or otherwise absurd: says which and where), Unimplemented (a version or byte order that is not
// supported, a tensor type whose size is not known: named), and those of FileSystem::Map. Work and memory are
// bounded by the file's size, never by a count that the file claims.
class GgufFile final : public ModelFile {
 public:
  static absl::StatusOr<std::unique_ptr<GgufFile>> Open(base::FileSystem& fs, const std::string& path);
  // The same over bytes that outlive the object (tests, fuzzing). `name` is used in messages. Tensor data is
  // as aligned as `bytes` is.
  static absl::StatusOr<std::unique_ptr<GgufFile>> Parse(std::string name, std::span<const std::byte> bytes);
  // The same over bytes that the object keeps.
  static absl::StatusOr<std::unique_ptr<GgufFile>> Take(std::string name,
                                                        std::unique_ptr<base::MappedFile> bytes);
  uint32_t version() const;

 private:
  friend class Reader;
  using ModelFile::ModelFile;
};

}  // namespace linnet::gguf

#endif  // LINNET_RUNTIME_GGUF_GGUF_FILE_H_
