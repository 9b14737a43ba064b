#ifndef LINNET_RUNTIME_PACK_PACKED_FILE_H_
#define LINNET_RUNTIME_PACK_PACKED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/model_file.h"
#include "runtime/pack/pack_format.h"

namespace linnet::pack {

struct PackedFile {
  PackSource source;
  std::unique_ptr<gguf::ModelFile> model;
};

// Where a packed file's bytes are while it is in use: in a mapping, or in huge pages (base/huge_pages.h).
enum class Residence : uint8_t { kMapped, kHugePages };

// A packed file (pack_format.h). Headers, index and metadata are checked in full, the payload by
// samples; every view is inside the file whatever its bytes are. Errors: DataLoss (not a packed file, cut
// short, damaged: says what), Unimplemented (another version), those of FileSystem::Map.
absl::StatusOr<PackedFile> OpenPacked(base::FileSystem& fs, const std::string& path,
                                      Residence residence = Residence::kMapped);
// The same over bytes that outlive the model, and begin at a multiple of 64 where its products are computed.
absl::StatusOr<PackedFile> ParsePacked(const std::string& name, std::span<const std::byte> bytes);

// Every byte of the file's, that every scale is a number, and that the tokenizer's tables are those of the
// metadata. Errors: those of ParsePacked.
absl::Status VerifyPacked(const std::string& name, std::span<const std::byte> bytes);

// The same of a file; OK when it is no packed one.
absl::Status VerifyIfPacked(base::FileSystem& fs, const std::string& path);

// By the first bytes; nothing else is looked at.
bool IsPacked(std::span<const std::byte> bytes);
absl::StatusOr<bool> IsPacked(base::FileSystem& fs, const std::string& path);

// A model in either container; a GGUF is always mapped. Errors: those of OpenPacked and GgufFile::Open.
absl::StatusOr<std::unique_ptr<gguf::ModelFile>> OpenModel(base::FileSystem& fs, const std::string& path,
                                                           Residence residence = Residence::kMapped);

// For tools that read and write rows: a packed file is unpacked into memory of the GGUF's size.
absl::StatusOr<std::unique_ptr<gguf::GgufFile>> OpenAsGguf(base::FileSystem& fs, const std::string& path);

// Rows `first` to `first + count` of the tensor ([shape[0]] each) as GGUF has them: a view of its data, or of
// `unpacked`.
std::span<const std::byte> RowsOf(const gguf::TensorInfo& tensor, uint64_t first, uint64_t count,
                                  std::vector<std::byte>& unpacked);
// All of them.
std::span<const std::byte> RowsOf(const gguf::TensorInfo& tensor, std::vector<std::byte>& unpacked);

}  // namespace linnet::pack

#endif  // LINNET_RUNTIME_PACK_PACKED_FILE_H_
