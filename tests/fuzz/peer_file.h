#ifndef LINNET_TESTS_FUZZ_PEER_FILE_H_
#define LINNET_TESTS_FUZZ_PEER_FILE_H_

#include <cstdint>
#include <string>

namespace linnet::testing {

// The file on the shelf of peer_service_fuzz, which its stored inputs name chunks of.
inline constexpr uint32_t kPeerChunkBytes = 1000;

inline std::string PeerFile() {
  std::string bytes;
  for (size_t i = 0; i < 3500; ++i) bytes += static_cast<char>((i * i + i / 255) & 255);
  return bytes;
}

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_PEER_FILE_H_
