// Any bytes as JSON: refused, or what we print of it reads back as the same value.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/status_macros.h"
#include "storage/trust/canonical_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = linnet::trust::ParseJson(text);
  if (!json.ok()) return 0;
  const auto again = linnet::trust::ParseJson(json->Dump());
  LINNET_CHECK(again.ok());
  LINNET_CHECK(again->Canonical() == json->Canonical() && again->Dump() == json->Dump());
  return 0;
}
