#include "runtime/engine/prefix_key.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/status_macros.h"
#include "runtime/pack/packed_file.h"

#ifndef LINNET_VERSION
#error "LINNET_VERSION comes from CMake"
#endif

namespace linnet::engine {
namespace {

constexpr uint64_t kPiece = 64 << 10;
// Read at every start with a prefix cache: 1 MiB.
constexpr uint64_t kPieces = 16;

class Digester {
 public:
  template <typename T>
  void Add(std::span<const T> values) {
    const uint64_t bytes = values.size_bytes();
    hasher_.Update(std::as_bytes(std::span(&bytes, 1)));  // so that no two lists of fields are one text
    hasher_.Update(std::as_bytes(values));
  }
  void Add(std::string_view text) { Add(std::span<const char>(text)); }
  void Number(uint64_t value) { Add(std::span<const uint64_t>(&value, 1)); }
  base::Sha256Digest Finish() { return hasher_.Finish(); }

 private:
  base::Sha256Hasher hasher_;
};

}  // namespace

absl::StatusOr<base::Sha256Digest> IdentityOfModel(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(path));
  const uint64_t piece = std::min(kPiece, info.size_bytes);
  LINNET_ASSIGN_OR_RETURN(const std::string head, fs.ReadAt(path, 0, piece));
  Digester digester;
  digester.Number(info.size_bytes);
  digester.Add(head);
  if (pack::IsPacked(base::AsBytes(head))) return digester.Finish();
  digester.Number(info.device);
  digester.Number(info.inode);
  digester.Number(static_cast<uint64_t>(info.modified_ns));
  for (uint64_t i = 1; i < kPieces; ++i) {
    LINNET_ASSIGN_OR_RETURN(const std::string bytes,
                            fs.ReadAt(path, (info.size_bytes - piece) / (kPieces - 1) * i, piece));
    digester.Add(bytes);
  }
  return digester.Finish();
}

PrefixKey PrefixKeyOf(const base::Sha256Digest& model, const model::KvShape& kv,
                      const model::LoraAdapter* adapter) {
  Digester digester;
  digester.Add(std::string_view(LINNET_VERSION));
  digester.Add(base::AsView(model));
  for (const uint64_t number : {static_cast<uint64_t>(kv.type), uint64_t{kv.strips}, uint64_t{kv.row_bytes},
                                uint64_t{kv.context_tokens}}) {
    digester.Number(number);
  }
  if (adapter == nullptr) return digester.Finish();
  for (const model::LoraAdapter::Pair& pair : adapter->pairs()) {
    digester.Add(std::string_view(pair.target->name));
    digester.Number(pair.rank);
    digester.Add(std::span<const float>(&pair.scale, 1));
    digester.Add(std::span<const float>(pair.a));
    digester.Add(std::span<const float>(pair.b));
  }
  return digester.Finish();
}

}  // namespace linnet::engine
