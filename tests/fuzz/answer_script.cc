#include "tests/fuzz/answer_script.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace linnet::testing {
namespace {

// Others are no values of gRPC's enumeration, and its own headers may not hold them.
constexpr unsigned kCodes = grpc::StatusCode::UNAUTHENTICATED + 1;

constexpr size_t kMostBytes = 8 << 20;

uint8_t ByteAt(std::string_view text, size_t at) {
  return at < text.size() ? static_cast<uint8_t>(text[at]) : uint8_t{0};
}

void Turn(std::string& message, std::string_view changes) {
  if (message.empty()) return;
  for (; changes.size() >= 3; changes.remove_prefix(3)) {
    const size_t at = (ByteAt(changes, 0) | size_t{ByteAt(changes, 1)} << 8) % message.size();
    message[at] = static_cast<char>(ByteAt(message, at) ^ ByteAt(changes, 2));
  }
}

}  // namespace

void AnswerScript::Begin(std::vector<std::string> lines, bool honest_at_the_end) {
  lines_ = std::move(lines);
  at_ = calls_ = largest_ = 0;
  honest_at_the_end_ = honest_at_the_end;
}

ServerAnswer AnswerScript::Next(const std::string& method, const std::string& request) {
  ++calls_;
  ServerAnswer answer = Read(method, request);
  for (const std::string& message : answer.messages) largest_ = std::max(largest_, message.size());
  return answer;
}

ServerAnswer AnswerScript::Read(const std::string& method, const std::string& request) {
  ServerAnswer answer;
  while (at_ < lines_.size()) {
    const std::string_view line = lines_[at_++];
    const Kind kind = static_cast<Kind>((ByteAt(line, 0) & 15) % kKinds);
    const unsigned number = ByteAt(line, 0) >> 4;
    const std::string more(line.substr(std::min<size_t>(line.size(), 1)));
    switch (kind) {
      case kPart:
        answer.messages.push_back(more);
        continue;
      case kEnd:
        answer.status = {static_cast<grpc::StatusCode>(ByteAt(more, 0) % kCodes),
                         more.substr(std::min<size_t>(more.size(), 1))};
        return answer;
      case kHonest:
      case kChanged: {
        ServerAnswer honest = honest_.Answer(method, request);
        if (kind == kChanged && !honest.messages.empty()) Turn(honest.messages.front(), more);
        honest.messages.insert(honest.messages.begin(), answer.messages.begin(), answer.messages.end());
        return honest;
      }
      case kProved:
        answer.messages.push_back(honest_.Proved(method, request, more));
        return answer;
      case kSigned: {
        fleet::v1::GetMetadataResponse metadata;
        metadata.set_metadata(honest_.SignedOnline(more));
        answer.messages.push_back(metadata.SerializeAsString());
        return answer;
      }
      case kHuge: {
        std::string huge;
        const size_t size = std::min<size_t>(kMostBytes, size_t{64} << 10 << number);
        while (!more.empty() && huge.size() + more.size() <= size) huge += more;
        answer.messages.push_back(std::move(huge));
        return answer;
      }
      default:
        answer.messages.push_back(more);
        answer.repeats = size_t{1} << number;
        return answer;
    }
  }
  if (!answer.messages.empty()) return answer;  // of parts
  if (honest_at_the_end_) return honest_.Answer(method, request);
  return {.status = {grpc::StatusCode::UNAVAILABLE, "gone"}};
}

}  // namespace linnet::testing
