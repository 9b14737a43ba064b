#ifndef LINNET_RUNTIME_SAMPLER_CANDIDATES_H_
#define LINNET_RUNTIME_SAMPLER_CANDIDATES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace linnet::sampler {

// A token that is still in the race.
struct Candidate {
  int32_t id;
  double logit;
};

// The tokens still in the race. Order, where it matters: the highest logit first, of equals the lower id.
// Sums are taken in that order, so that every machine gets the same.
class Candidates {
 public:
  void Clear();
  void Add(int32_t id, double logit) { list_.push_back({id, logit}); }
  size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  const Candidate& operator[](size_t i) const { return list_[i]; }

  // f(candidate&) may change logits.
  template <typename F>
  void Change(F f) {
    for (Candidate& c : list_) f(c);
    sorted_ = weighed_ = false;
  }
  // Divides all logits; the order stays. divisor > 0.
  void Divide(double divisor);

  void Sort();
  // The n highest stay, sorted.
  void SortHighest(size_t n);
  // exp(logit - highest), in order; of the first always 1. Sorts; valid until the next change.
  const std::vector<double>& Weights();
  double TotalWeight();

  // Of the sorted: the first n stay, the first n go, or those with keep[i] != 0 stay. One stays at least.
  void Keep(size_t n);
  void Drop(size_t n);
  void KeepIf(const std::vector<char>& keep);

  // Memory for a stage's own use, kept from one token to the next.
  std::vector<int32_t>& ScratchIds() { return scratch_ids_; }

 private:
  std::vector<Candidate> list_;
  std::vector<double> weights_;
  std::vector<int32_t> scratch_ids_;
  bool sorted_ = false, weighed_ = false;
};

}  // namespace linnet::sampler

#endif  // LINNET_RUNTIME_SAMPLER_CANDIDATES_H_
