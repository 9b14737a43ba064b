#include "runtime/kernels/fetch_ahead.h"

namespace linnet::kernels {

FetchAhead fetch_ahead = FetchAhead::kByRequest;

void SetFetchAhead(FetchAhead ahead) { __atomic_store_n(&fetch_ahead, ahead, __ATOMIC_RELAXED); }

}  // namespace linnet::kernels
