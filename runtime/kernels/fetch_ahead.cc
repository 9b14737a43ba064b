#include "runtime/kernels/fetch_ahead.h"

namespace linnet::kernels {

uint8_t fetch_ahead = static_cast<uint8_t>(FetchAhead::kByRequest);

void SetFetchAhead(FetchAhead ahead) {
  __atomic_store_n(&fetch_ahead, static_cast<uint8_t>(ahead), __ATOMIC_RELAXED);
}

}  // namespace linnet::kernels
