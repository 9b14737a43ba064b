#ifndef LINNET_TESTS_FUZZ_ANSWER_SCRIPT_H_
#define LINNET_TESTS_FUZZ_ANSWER_SCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fuzz/honest_coordinator.h"
#include "tests/fuzz/scripted_server.h"

namespace linnet::testing {

// What a liar answers to one call after another: the messages of a FuzzedCall, a line each. A line is a byte,
// of which the low half says what it is and the high half a number n, and more:
//
//   kHonest   nothing more (or an empty line): what an honest coordinator says
//   kRaw      a message, 2^n times, then OK
//   kEnd      a byte, a text: ends with this status
//   kPart     a message; the same call goes on with the next line
//   kProved   a message, with all that whoever holds the coordinator's keys can prove (HonestCoordinator)
//   kSigned   the signed part of metadata, under the keys of snapshot and timestamp
//   kChanged  three bytes each: where (little-endian) in the honest message, and what is turned there
//   kHuge     bytes that are repeated to a message of 64 KiB * 2^n, at most 8 MiB
//
// Calls beyond the script: an honest answer, or UNAVAILABLE.
class AnswerScript {
 public:
  enum Kind : uint8_t { kHonest, kRaw, kEnd, kPart, kProved, kSigned, kChanged, kHuge, kKinds };

  explicit AnswerScript(HonestCoordinator& honest) : honest_(honest) {}

  void Begin(std::vector<std::string> lines, bool honest_at_the_end);
  // To one call. Not thread-safe: ScriptedServer takes care of that.
  ServerAnswer Next(const std::string& method, const std::string& request);
  size_t calls() const { return calls_; }
  size_t largest() const { return largest_; }  // of the messages that were said

 private:
  ServerAnswer Read(const std::string& method, const std::string& request);

  HonestCoordinator& honest_;
  std::vector<std::string> lines_;
  size_t at_ = 0, calls_ = 0, largest_ = 0;
  bool honest_at_the_end_ = true;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_ANSWER_SCRIPT_H_
