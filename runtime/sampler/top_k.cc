#include "runtime/sampler/stages.h"

namespace linnet::sampler {

// The k highest (Fan et al., arXiv:1805.04833).
void KeepTopK(Candidates& candidates, uint32_t k) { candidates.SortHighest(k); }

}  // namespace linnet::sampler
