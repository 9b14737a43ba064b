#ifndef LINNET_STORAGE_CHUNKS_CHUNK_CUTS_H_
#define LINNET_STORAGE_CHUNKS_CHUNK_CUTS_H_

#include <cstdint>
#include <vector>

#include "storage/chunks/chunk_store.h"

namespace linnet::chunks {

// Lengths of the chunks of a file, in order. `borders`: where one of its parts ends and the next begins;
// ascending, what is not is passed over. Internal to ChunkIndex.
//
// Where a chunk begins and ends depends on its own part only, so that a part that did not change is made of
// the same chunks wherever it has moved to:
//   - a part is cut at every `chunk_bytes` from its own start. Fixed steps, so that rows which are appended
//     leave the chunks before them as they are;
//   - parts below chunk_bytes / 64 that follow each other share chunks, at most 64 to a chunk: by number, as
//     their sizes may change. Such a part alone between two large ones (a norm between two matrices) is a
//     chunk of its own: as a piece of a matrix's chunk, it would make every change of it one of the matrix.
std::vector<uint32_t> CutLengths(uint64_t file_bytes, const std::vector<uint64_t>& borders,
                                 uint32_t chunk_bytes);

// An entry of an index has at most 95 bytes ({"length":1048576,"sha256":"64 digits"} and a comma).
inline constexpr uint64_t kMostChunks = kMaxSmallBytes / 96;

// The same in steps that make at most kMostChunks. A file of too many parts, or near the largest, is cut as
// if it had no borders: it can be shipped, and so can updates of it. Empty: no size is enough.
std::vector<uint32_t> LengthsFor(uint64_t file_bytes, const std::vector<uint64_t>& borders);

}  // namespace linnet::chunks

#endif  // LINNET_STORAGE_CHUNKS_CHUNK_CUTS_H_
