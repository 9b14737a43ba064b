#include "tests/support/lora_adapter.h"

#include <random>

#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/quant/quant.h"

namespace linnet::testing {

std::string AdapterBytes(const AdapterContents& contents, const gguf::GgufFile& base) {
  constexpr auto kF32 = kernels::WeightType::kF32;
  gguf::GgufWriter writer;
  writer.SetString("general.type", "adapter");
  writer.SetString("general.architecture", *base.GetString("general.architecture"));
  writer.SetString("adapter.type", "lora");
  if (contents.alpha != 0) writer.SetFloat32("adapter.lora.alpha", contents.alpha);
  for (const auto& [name, rank] : contents.tensors) {
    const gguf::TensorInfo* target = base.FindTensor(name);
    LINNET_CHECK(target != nullptr);
    std::seed_seq seed(name.begin(), name.end());
    std::mt19937 random(seed);
    random.discard(contents.seed);
    const auto values = [&](size_t n) {
      std::vector<float> v(n);
      for (float& x : v) x = (static_cast<float>(random() % 2001) - 1000.0F) / 8000.0F;
      return quant::Quantize(kF32, v);
    };
    writer.AddTensor(name + ".lora_a", kF32, {target->shape[0], rank}, values(target->shape[0] * rank));
    writer.AddTensor(name + ".lora_b", kF32, {rank, target->shape[1]}, values(target->shape[1] * rank));
  }
  return *writer.Serialize();
}

}  // namespace linnet::testing
