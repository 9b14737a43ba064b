#include "runtime/sampler/candidates.h"

#include <algorithm>

#include "runtime/base/exact_math.h"

namespace linnet::sampler {
namespace {

bool Before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

}  // namespace

void Candidates::Clear() {
  list_.clear();
  sorted_ = weighed_ = false;
}

void Candidates::Divide(double divisor) {
  for (Candidate& c : list_) c.logit /= divisor;
  weighed_ = false;
}

void Candidates::Sort() {
  if (sorted_) return;
  std::sort(list_.begin(), list_.end(), Before);
  sorted_ = true;
}

void Candidates::SortHighest(size_t n) {
  n = std::min(n, list_.size());
  if (!sorted_) {
    std::partial_sort(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(n), list_.end(), Before);
  }
  list_.resize(n);
  sorted_ = true;
  weighed_ = false;
}

const std::vector<double>& Candidates::Weights() {
  if (weighed_) return weights_;
  Sort();
  weights_.clear();
  for (const Candidate& c : list_) weights_.push_back(base::ExactExp(c.logit - list_.front().logit));
  weighed_ = true;
  return weights_;
}

double Candidates::TotalWeight() {
  double total = 0.0;
  for (const double w : Weights()) total += w;
  return total;
}

void Candidates::Keep(size_t n) {
  n = std::clamp<size_t>(n, 1, list_.size());
  list_.resize(n);
  if (weighed_) weights_.resize(n);
}

void Candidates::Drop(size_t n) {
  n = std::min(n, list_.size() - 1);
  list_.erase(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(n));
  weighed_ = false;
}

void Candidates::KeepIf(const std::vector<char>& keep) {
  size_t kept = 0;
  for (size_t i = 0; i < list_.size(); ++i) {
    if (keep[i] != 0) list_[kept++] = list_[i];
  }
  list_.resize(std::max<size_t>(1, kept));
  weighed_ = false;
}

}  // namespace linnet::sampler
