#include "storage/chunks/paced_source.h"

#include <algorithm>

#include "runtime/base/status_macros.h"

namespace linnet::chunks {

absl::Status PacedSource::Fetch(
    const std::vector<std::string>& sha256,
    const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) {
  for (const std::string& hash : sha256) {
    // A clock that was set back must not make the pause longer than the chunk was worth.
    const absl::Duration left = pause_ - std::max(clock_.Now() - last_, absl::ZeroDuration());
    if (left > absl::ZeroDuration()) LINNET_RETURN_IF_ERROR(wait_(left));
    const absl::Time begin = clock_.Now();
    uint64_t bytes = 0;
    const absl::Status status = source_.Fetch({hash}, [&](std::string_view name, std::string_view data) {
      bytes += data.size();  // wrong ones, too: they came over the line
      return on_chunk(name, data);
    });
    last_ = clock_.Now();
    const absl::Duration took = std::max(last_ - begin, absl::ZeroDuration());
    pause_ = std::max(
        absl::Seconds(1) * (static_cast<double>(bytes) / static_cast<double>(bytes_a_second_)) - took,
        absl::ZeroDuration());
    LINNET_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

}  // namespace linnet::chunks
