#ifndef LINNET_DEPLOY_TUF_HTTP_CLIENT_H_
#define LINNET_DEPLOY_TUF_HTTP_CLIENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace linnet::tuf {

struct HttpLimits {
  absl::Duration connect = absl::Seconds(10);
  // A transfer must bring `least_bytes` in every `window`: a server that trickles is a server that is away.
  absl::Duration window = absl::Seconds(30);
  uint64_t least_bytes = 1024;
};

// One GET over plain HTTP/1.0; the body goes to `sink` piece by piece, at most `max_bytes` in all. `url` is
// sent as it is: never decoded, encoded or normalised. No redirects, no cookies, no content codings: the
// caller verifies the bytes and needs none of them. NotFound: 404 or 403. ResourceExhausted: longer than
// `max_bytes`. Unavailable: no connection, too slow, cut off, 5xx or 429. InvalidArgument: not an http URL.
// FailedPrecondition: any other answer.
absl::Status HttpGet(const std::string& url, uint64_t max_bytes,
                     const std::function<absl::Status(std::string_view)>& sink,
                     const HttpLimits& limits = {});

}  // namespace linnet::tuf

#endif  // LINNET_DEPLOY_TUF_HTTP_CLIENT_H_
