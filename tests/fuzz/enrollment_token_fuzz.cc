// Any bytes as an enrolment token, as a person pastes it: refused with a reason that does not repeat it, or a
// token that says the same again. The bytes themselves as a token's body, with the checksum that belongs to
// it: so a search gets behind the checksum.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "runtime/net/enrollment_token.h"

namespace {

using linnet::net::EnrollmentToken;

void Try(std::string_view text) {
  const auto token = EnrollmentToken::Parse(text);
  if (!token.ok()) {
    LINNET_CHECK(absl::IsInvalidArgument(token.status()) && !token.status().message().empty());
    // It goes to a terminal and into a log: one line, and short.
    const std::string_view why = linnet::base::ToStd(token.status().message());
    LINNET_CHECK(why.size() < 300 && linnet::base::IsUtf8(why));
    LINNET_CHECK(std::all_of(why.begin(), why.end(), [](char c) { return static_cast<uint8_t>(c) >= 0x20; }));
    return;
  }
  LINNET_CHECK(token->spki_sha256.size() == 32 && token->id.size() == 8 && token->secret.size() == 32);
  LINNET_CHECK(!token->coordinator_address.empty() && token->coordinator_address.size() <= 255);
  const std::string again = token->Encode();
  LINNET_CHECK(text.find(again) != std::string_view::npos);  // spaces around it may be gone, nothing else
  const auto same = EnrollmentToken::Parse(again);
  LINNET_CHECK(same.ok() && same->secret == token->secret &&
               same->coordinator_address == token->coordinator_address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  Try(body);
  const auto digest = linnet::base::Sha256(body);
  Try("linnet1-" + linnet::base::Base64Url(body + std::string(linnet::base::AsView(digest).substr(0, 4))));
  return 0;
}
