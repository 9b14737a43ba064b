#ifndef LINNET_RUNTIME_TEMPLATE_SPECIAL_CASING_H_
#define LINNET_RUNTIME_TEMPLATE_SPECIAL_CASING_H_

#include <cstdint>

namespace linnet::jinja {

// Characters whose upper or title case is several characters (Unicode's SpecialCasing.txt, the unconditional
// lines); zeros fill up.
struct SpecialCasing {
  uint32_t code;
  uint32_t upper[3], title[3];
};

// Null for characters whose mappings are one character each.
const SpecialCasing* FindSpecialCasing(uint32_t code);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_SPECIAL_CASING_H_
