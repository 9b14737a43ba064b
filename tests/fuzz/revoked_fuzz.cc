// Any bytes as a list of revoked devices: refused, or exactly its own canonical JSON, within its bounds.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/status_macros.h"
#include "storage/trust/revoked_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using linnet::trust::RevokedList;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto list = RevokedList::FromJson(text);
  if (!list.ok()) return 0;
  LINNET_CHECK(list->version > 0 && list->devices.size() <= linnet::trust::kMostRevoked);
  LINNET_CHECK(list->ToJson() == text);
  const std::string* before = nullptr;
  for (const auto& device : list->devices) {
    LINNET_CHECK(list->Find(device.device) == &device);
    LINNET_CHECK(before == nullptr || *before < device.device);
    before = &device.device;
  }
  LINNET_CHECK(list->Find("no id") == nullptr);
  return 0;
}
