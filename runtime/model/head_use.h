#ifndef LINNET_RUNTIME_MODEL_HEAD_USE_H_
#define LINNET_RUNTIME_MODEL_HEAD_USE_H_

#include <cstdint>
#include <span>

namespace linnet::model {

// Which logits of a token count for whoever asked. Others may be minus infinity, and so may be none that
// counts; those that are not are exact, whatever is wanted.
struct Wanted {
  // Only the so many highest of those that are allowed, and of equals the ones with the lower ids; 0: every
  // logit.
  uint32_t highest = 0;
  // Ids that count; bit i % 64 of word i / 64 says whether id i does. Empty: all below `ids`.
  std::span<const uint64_t> allowed;
  uint32_t ids = 0;  // none from here on does
};

// What the products of the output head took so far.
struct HeadUse {
  uint64_t tokens = 0;      // whose logits were wanted
  uint64_t screened = 0;    // of those, without all of the head
  uint64_t fallbacks = 0;   // that were to be, but needed it: too many rows were still in question
  uint64_t candidates = 0;  // rows that were looked at closer, of all tokens that were screened
  uint64_t exact = 0;       // of those, rows whose logits were computed
  uint64_t bytes = 0;       // of the head that were read

  HeadUse operator-(const HeadUse& before) const {
    return {tokens - before.tokens,         screened - before.screened, fallbacks - before.fallbacks,
            candidates - before.candidates, exact - before.exact,       bytes - before.bytes};
  }
  HeadUse& operator+=(const HeadUse& more) {
    tokens += more.tokens;
    screened += more.screened;
    fallbacks += more.fallbacks;
    candidates += more.candidates;
    exact += more.exact;
    bytes += more.bytes;
    return *this;
  }
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_HEAD_USE_H_
