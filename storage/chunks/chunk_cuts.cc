#include "storage/chunks/chunk_cuts.h"

#include <algorithm>
#include <utility>

namespace linnet::chunks {
namespace {

constexpr uint32_t kLeastChunkBytes = 256 << 10;
constexpr uint32_t kPartsTogether = 64;

class Cutter {
 public:
  explicit Cutter(uint32_t chunk_bytes) : chunk_bytes_(chunk_bytes) {}

  void AddPart(uint64_t bytes) {
    if (bytes >= chunk_bytes_ / kPartsTogether) {
      EndGroup();
      for (; bytes > 0; bytes -= lengths_.back()) {
        lengths_.push_back(static_cast<uint32_t>(std::min<uint64_t>(bytes, chunk_bytes_)));
      }
      return;
    }
    group_bytes_ += static_cast<uint32_t>(bytes);
    if (++group_parts_ == kPartsTogether) EndGroup();
  }
  std::vector<uint32_t> Finish() {
    EndGroup();
    return std::move(lengths_);
  }

 private:
  void EndGroup() {
    if (group_bytes_ > 0) lengths_.push_back(group_bytes_);
    group_bytes_ = group_parts_ = 0;
  }

  const uint64_t chunk_bytes_;
  uint32_t group_bytes_ = 0, group_parts_ = 0;
  std::vector<uint32_t> lengths_;
};

}  // namespace

std::vector<uint32_t> CutLengths(uint64_t file_bytes, const std::vector<uint64_t>& borders,
                                 uint32_t chunk_bytes) {
  Cutter cutter(chunk_bytes);
  uint64_t begin = 0;
  for (const uint64_t border : borders) {
    if (border <= begin || border >= file_bytes) continue;
    cutter.AddPart(border - begin);
    begin = border;
  }
  if (begin < file_bytes) cutter.AddPart(file_bytes - begin);
  return cutter.Finish();
}

std::vector<uint32_t> LengthsFor(uint64_t file_bytes, const std::vector<uint64_t>& borders) {
  for (uint32_t chunk_bytes = kLeastChunkBytes; chunk_bytes <= kMaxChunkBytes; chunk_bytes *= 2) {
    std::vector<uint32_t> lengths = CutLengths(file_bytes, borders, chunk_bytes);
    if (lengths.size() <= kMostChunks) return lengths;
  }
  const uint32_t chunk_bytes = ChunkBytesFor(file_bytes);
  return chunk_bytes == 0 ? std::vector<uint32_t>() : CutLengths(file_bytes, {}, chunk_bytes);
}

uint32_t ChunkBytesFor(uint64_t file_bytes) {
  for (uint32_t chunk_bytes = kLeastChunkBytes; chunk_bytes <= kMaxChunkBytes; chunk_bytes *= 2) {
    if (file_bytes <= kMostChunks * chunk_bytes) return chunk_bytes;
  }
  return 0;
}

}  // namespace linnet::chunks
