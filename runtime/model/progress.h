#ifndef LINNET_RUNTIME_MODEL_PROGRESS_H_
#define LINNET_RUNTIME_MODEL_PROGRESS_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>

namespace linnet::model {

// How much is done of some things that threads work on together. Whoever does the last part of one goes on
// with it, so nobody waits: what comes next needs no barrier.
class Progress {
 public:
  // A stretch of whole things.
  struct Stretch {
    size_t begin, end;
  };

  explicit Progress(size_t things) : done_(new std::atomic<size_t>[things]()) {}

  // Adds `amount` to what is done of `thing`. True once, when that makes it `whole`: then all that others did
  // of it can be seen, and it begins anew.
  bool Completes(size_t thing, size_t amount, size_t whole) {
    if (amount == whole) return true;
    if (done_[thing].fetch_add(amount, std::memory_order_acq_rel) + amount != whole) return false;
    done_[thing].store(0, std::memory_order_relaxed);
    return true;
  }

  // The same for things of `size` elements each, one after the other, of which begin to end are done now. The
  // elements of those that this makes whole.
  Stretch Completes(Stretch done, size_t size) {
    const size_t first = done.begin / size, last = (done.end - 1) / size;
    Stretch whole = {first * size, (last + 1) * size};
    if (!Completes(first, std::min(done.end, whole.begin + size) - done.begin, size)) whole.begin += size;
    if (first < last && !Completes(last, done.end - last * size, size)) whole.end -= size;
    return whole;
  }

 private:
  std::unique_ptr<std::atomic<size_t>[]> done_;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_PROGRESS_H_
