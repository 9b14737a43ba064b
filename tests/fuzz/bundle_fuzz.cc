// Any bytes as the manifest of a bundle on a stick: refused in one line, or two texts, which name no file
// outside of it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/base/status_macros.h"
#include "storage/trust/bundle.h"
#include "storage/trust/metadata.h"
#include "tests/fuzz/memory_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace trust = linnet::trust;
  const std::string json(reinterpret_cast<const char*>(data), size);
  linnet::testing::MemoryFolder folder(0);
  folder.files["/stick/bundle.json"] = json;
  folder.files["/stick/secret.json"] = "outside of metadata";
  const auto manifest = trust::ReadBundleManifest(folder, "/stick");
  if (!manifest.ok()) {
    const std::string text(manifest.status().message());
    LINNET_CHECK(!text.empty() && text.size() < 200);
    LINNET_CHECK(
        std::none_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20; }));
    return 0;
  }
  // As a stick that answers to a role of any name.
  trust::BundleMetadata metadata(folder, "/stick");
  for (const std::string& role : {manifest->site, manifest->plan, "../" + manifest->plan}) {
    for (const uint64_t version : {0, 7}) {
      LINNET_CHECK(absl::IsNotFound(metadata.Fetch(role, version, trust::kMaxTargetsBytes).status()));
    }
  }
  return 0;
}
