#ifndef LINNET_STORAGE_CHUNKS_PACED_SOURCE_H_
#define LINNET_STORAGE_CHUNKS_PACED_SOURCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "runtime/base/clock.h"
#include "storage/chunks/chunk_store.h"

namespace linnet::chunks {

// Another source, no faster than a rate. Chunks are asked for one at a time, and the pause comes before the
// next is asked for: no call is held open meanwhile, and nothing is under way that a kill would lose. One
// chunk arrives as fast as the line is; what was not used of the rate is not saved up. Not thread-safe.
class PacedSource final : public ChunkSource {
 public:
  // Returns after the time, or earlier with an error, which ends the fetch.
  using Wait = std::function<absl::Status(absl::Duration)>;

  // `source` and `clock` outlive it. `bytes_a_second` > 0.
  PacedSource(ChunkSource& source, uint64_t bytes_a_second, const base::Clock& clock, Wait wait)
      : source_(source), bytes_a_second_(bytes_a_second), clock_(clock), wait_(std::move(wait)) {}

  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) override;

 private:
  ChunkSource& source_;
  const uint64_t bytes_a_second_;
  const base::Clock& clock_;
  const Wait wait_;
  absl::Time last_ = absl::InfinitePast();  // when the last chunk had come
  absl::Duration pause_;                    // from then on
};

}  // namespace linnet::chunks

#endif  // LINNET_STORAGE_CHUNKS_PACED_SOURCE_H_
