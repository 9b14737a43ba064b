#include "runtime/engine/fetch_choice.h"

#include <algorithm>

namespace linnet::engine {

using kernels::FetchAhead;

FetchAhead FetchChoice::next() const {
  if (!trying() || at_ == 0) return best_;
  return at_ % 2 == 1 ? FetchAhead::kByProcessor : FetchAhead::kByRequest;
}

void FetchChoice::Took(absl::Duration time) {
  if (trying() && at_ > 0) {
    absl::Duration& fastest = fastest_[static_cast<size_t>(next())];
    fastest = std::min(fastest, time);
  }
  if (++at_ == kTried) {
    const auto [by_request, by_processor] = fastest_;
    best_ = by_processor < by_request ? FetchAhead::kByProcessor : FetchAhead::kByRequest;
  }
  if (at_ == kOften) {
    at_ = 0;
    fastest_.fill(absl::InfiniteDuration());
  }
}

}  // namespace linnet::engine
