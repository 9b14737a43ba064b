#ifndef LINNET_RUNTIME_KERNELS_KV_TYPES_H_
#define LINNET_RUNTIME_KERNELS_KV_TYPES_H_

#include <string_view>

#include "runtime/kernels/types.h"

// What people call the ways to keep keys and values, a row each. (Kernel sets do not include this.)
namespace linnet::kernels {

struct KvTypeInfo {
  KvType type;
  std::string_view name;
};

inline constexpr KvTypeInfo kKvTypes[] = {
    {KvType::kF32, "f32"},
    {KvType::kF16, "f16"},
    {KvType::kQ8, "q8"},
};

// The row of a name, or nullptr when there is none.
constexpr const KvTypeInfo* FindKvType(std::string_view name) {
  for (const KvTypeInfo& info : kKvTypes) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

// `type` is one of the enumerators.
constexpr std::string_view NameOf(KvType type) { return kKvTypes[static_cast<size_t>(type)].name; }

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_KV_TYPES_H_
