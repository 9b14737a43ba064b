#include "runtime/kernels/kernel_table.h"

#include <cstdlib>

#include "runtime/kernels/cpu_features.h"

namespace linnet::kernels {

bool Supported(const Variant& variant) { return (variant.required & ~CpuFeatures()) == 0; }

const Variant* Select(std::string_view forced, std::string* error) {
  const Variant* chosen = nullptr;
  std::string names;
  for (const Variant& variant : Variants()) {
    if (!names.empty()) names += ", ";
    names += variant.name;
    if (!Supported(variant)) names += " (not on this CPU)";
    if (forced.empty() ? Supported(variant) : forced == variant.name) chosen = &variant;
  }
  if (chosen == nullptr) {
    *error = "LINNET_KERNEL=" + std::string(forced) + ": no such kernel set; there are: " + names;
    return nullptr;
  }
  if (!Supported(*chosen)) {
    *error = "LINNET_KERNEL=" + std::string(forced) + ": this CPU cannot run it; there are: " + names;
    return nullptr;
  }
  if (const std::string failed = SelfTest(*chosen); !failed.empty()) {
    *error = std::string("kernel set ") + chosen->name + " fails its self-test at " + failed +
             "; set LINNET_KERNEL=scalar to run without it, and report this CPU";
    return nullptr;
  }
  return chosen;
}

const Variant* SelectFromEnvironment(std::string* error) {
  const char* forced = std::getenv("LINNET_KERNEL");
  return Select(forced == nullptr ? "" : forced, error);
}

}  // namespace linnet::kernels
