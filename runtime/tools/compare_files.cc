#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/tools/difference.h"
#include "runtime/tools/tensor_values.h"

namespace linnet::tools {
namespace {

std::string Described(const gguf::TensorInfo& tensor) {
  return absl::StrCat(std::string(tensor.type_name), " [", absl::StrJoin(tensor.shape, ", "), "]");
}

bool SameBytes(const gguf::TensorInfo& a, const gguf::TensorInfo& b) {
  return a.ggml_type == b.ggml_type && a.shape == b.shape &&
         std::equal(a.data.begin(), a.data.end(), b.data.begin(), b.data.end());
}

TensorDifference::Values CompareValues(const gguf::TensorInfo& a, const gguf::TensorInfo& b) {
  TensorDifference::Values found;
  double squares = 0, squares_of_a = 0;
  uint64_t count = 0;
  TensorValues of_a(a), of_b(b);
  for (auto x = of_a.Next(), y = of_b.Next(); !x.empty(); x = of_a.Next(), y = of_b.Next()) {
    for (size_t i = 0; i < x.size(); ++i) {
      const double d = static_cast<double>(x[i]) - static_cast<double>(y[i]);
      if (!std::isfinite(d)) {
        ++found.not_finite;
        continue;
      }
      found.most = std::max(found.most, std::fabs(d));
      squares += d * d;
      squares_of_a += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      ++count;
    }
  }
  if (count == 0) return found;
  found.rms = std::sqrt(squares / static_cast<double>(count));
  found.rms_of_a = std::sqrt(squares_of_a / static_cast<double>(count));
  return found;
}

bool SameValue(const gguf::GgufFile& a, const gguf::GgufFile& b, const std::string& key) {
  const auto mine = a.GetStored(key), theirs = b.GetStored(key);
  return mine.ok() && theirs.ok() && mine->type == theirs->type && mine->bytes == theirs->bytes;
}

void CompareMetadata(const gguf::GgufFile& a, const gguf::GgufFile& b, FileDifference& out) {
  // Keys in a's order, then those that only b has.
  std::map<std::string, std::string> of_b;
  for (auto& [key, value] : b.DescribeMetadata()) of_b[key] = value;
  for (const auto& [key, value] : a.DescribeMetadata()) {
    const auto found = of_b.find(key);
    if (found == of_b.end()) {
      out.metadata.push_back({key, value, std::nullopt});
      continue;
    }
    if (SameValue(a, b, key)) {
      ++out.same_metadata;
    } else {
      out.metadata.push_back({key, value, found->second});
    }
    of_b.erase(found);
  }
  for (const auto& [key, value] : of_b) out.metadata.push_back({key, std::nullopt, value});
}

}  // namespace

FileDifference CompareFiles(const gguf::GgufFile& a, const gguf::GgufFile& b, const Progress& progress) {
  FileDifference out;
  CompareMetadata(a, b, out);
  size_t done = 0;
  for (const gguf::TensorInfo& tensor : a.tensors()) {
    if (progress != nullptr) progress(done, a.tensors().size(), tensor.name);
    ++done;
    const gguf::TensorInfo* other = b.FindTensor(tensor.name);
    if (other == nullptr) {
      out.tensors.push_back({tensor.name, Described(tensor), std::nullopt, std::nullopt});
    } else if (SameBytes(tensor, *other)) {
      ++out.same_tensors;
    } else {
      TensorDifference& found =
          out.tensors.emplace_back(TensorDifference{tensor.name, Described(tensor), Described(*other), {}});
      if (tensor.shape == other->shape && tensor.supported && other->supported) {
        found.values = CompareValues(tensor, *other);
      }
    }
  }
  for (const gguf::TensorInfo& tensor : b.tensors()) {
    if (a.FindTensor(tensor.name) != nullptr) continue;
    out.tensors.push_back({tensor.name, std::nullopt, Described(tensor), std::nullopt});
  }
  return out;
}

}  // namespace linnet::tools
