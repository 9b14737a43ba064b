#ifndef LINNET_STORAGE_TRUST_ROLE_NAME_H_
#define LINNET_STORAGE_TRUST_ROLE_NAME_H_

#include <string>
#include <string_view>

namespace linnet::trust {

// As RFC 3986 has it: everything but letters, digits and "-._~" becomes %XX. For URLs; role names may hold
// anything.
std::string PercentEncode(std::string_view text);

// A file name for a role's metadata, without a version: never leaves its folder, differs for different roles,
// ends in ".json", has at most 255 bytes.
std::string RoleFileName(std::string_view role);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_ROLE_NAME_H_
