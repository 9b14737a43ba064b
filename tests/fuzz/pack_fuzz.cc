// Any bytes as a packed model: refused, or every view is inside the file, its tiles can be taken apart, and a
// tokenizer over its tables gives ids of them.
// The checksums stand between a fuzzer and everything behind them, so they are made right first.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tokenizer/tokenizer.h"

namespace {

using linnet::pack::PackHeader;
using linnet::pack::PackTensor;

void Seal(std::span<std::byte> bytes) {
  PackHeader header;
  if (bytes.size() < sizeof(header)) return;
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.payload_bytes > bytes.size() || header.tensor_count > 4096) return;
  const uint64_t at = linnet::pack::PayloadOffset(header.tensor_count, header.payload_bytes);
  if (at + header.payload_bytes != bytes.size()) return;
  std::byte* digests = bytes.data() + sizeof(header) + header.tensor_count * sizeof(PackTensor);
  for (uint64_t done = 0; done < header.payload_bytes; done += linnet::pack::kPackPiece, digests += 32) {
    const auto piece =
        bytes.subspan(at + done, std::min(linnet::pack::kPackPiece, header.payload_bytes - done));
    const auto digest = linnet::base::Sha256(linnet::base::AsText(piece));
    std::memcpy(digests, digest.data(), digest.size());
  }
  linnet::base::Sha256Hasher hasher;
  hasher.Update(bytes.first(offsetof(PackHeader, digest)));
  hasher.Update(bytes.subspan(sizeof(header), at - sizeof(header)));
  const auto digest = hasher.Finish();
  std::memcpy(bytes.data() + offsetof(PackHeader, digest), digest.data(), digest.size());
}

void UseTokenizer(const linnet::gguf::ModelFile& file) {
  const auto tokenizer = linnet::tokenizer::Tokenizer::Create(file);
  if (!tokenizer.ok()) {
    LINNET_CHECK(!tokenizer.status().message().empty());
    return;
  }
  for (const bool parse : {false, true}) {
    const auto ids = (*tokenizer)
                         ->Encode("ab a'll 12  !!x\xc3\xa9 \xe2\x96\x81<|im_end|></s>\xff",
                                  {.add_special = true, .parse_special = parse});
    for (const auto id : ids) LINNET_CHECK(id >= 0 && id < (*tokenizer)->vocabulary_size());
    (*tokenizer)->Decode(ids);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  for (const bool sealed : {false, true}) {
    if (sealed) Seal(bytes);
    const auto packed = linnet::pack::ParsePacked("fuzz", bytes);
    const absl::Status verified = linnet::pack::VerifyPacked("fuzz", bytes);
    if (!packed.ok()) {
      LINNET_CHECK(!packed.status().message().empty() && !verified.ok());
      continue;
    }
    volatile uint64_t sum = 0;
    for (const auto& [key, shown] : packed->model->DescribeMetadata()) sum = sum + key.size() + shown.size();
    std::vector<std::byte> unpacked;
    for (const auto& tensor : packed->model->tensors()) {
      LINNET_CHECK(packed->model->FindTensor(tensor.name) == &tensor && !tensor.data.empty());
      for (const std::byte b : linnet::pack::RowsOf(tensor, unpacked))
        sum = sum + std::to_integer<uint64_t>(b);
    }
    UseTokenizer(*packed->model);
  }
  return 0;
}
