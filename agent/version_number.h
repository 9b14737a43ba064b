#ifndef LINNET_AGENT_VERSION_NUMBER_H_
#define LINNET_AGENT_VERSION_NUMBER_H_

#include <cstdint>
#include <string_view>

namespace linnet::agent {

// What a check-in says for "MAJOR[.MINOR[.PATCH]][-PRERELEASE][+BUILD]": major * 1,000,000 + minor * 1,000 +
// patch. What is absent is 0, a pre-release has the number of the release that it leads to. Above 999 a minor
// or a patch is 999, above 4293 a major is 4293. What is no version is 0.
uint32_t VersionNumber(std::string_view version);

}  // namespace linnet::agent

#endif  // LINNET_AGENT_VERSION_NUMBER_H_
