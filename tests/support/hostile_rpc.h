#ifndef LINNET_TESTS_SUPPORT_HOSTILE_RPC_H_
#define LINNET_TESTS_SUPPORT_HOSTILE_RPC_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace linnet::testing {

// Requests that no honest client makes: fields of wrong sizes and extreme values, unknown fields and
// enumerations, then bytes cut, turned, doubled, or none of a message at all. The same seed, the same bytes.
class HostileMessages {
 public:
  explicit HostileMessages(uint64_t seed) : random_(seed) {}
  // Serialized, for a request of this type; now and then a proper one.
  std::string Next(const google::protobuf::Descriptor& type);

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  uint64_t Number();
  std::string Text(bool utf8);
  void Fill(google::protobuf::Message& message, int depth);
  void FillField(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
                 int depth);
  void Damage(std::string& bytes);

  std::mt19937_64 random_;
};

// What came of many calls: how often each code, by its number.
using AnswerCodes = std::map<grpc::StatusCode, int>;

// What is wrong with them, empty when nothing is. A gap in our code shows as UNKNOWN or INTERNAL, a server
// that died as UNAVAILABLE; what is no message at all gRPC itself refuses as UNIMPLEMENTED.
std::string UnclearAnswers(const AnswerCodes& codes);

// Calls every method of `service` `rounds` times over `channel`, with one message each, or up to four where
// it takes a stream. A call that has not ended after `patience` is cancelled.
AnswerCodes CallWithHostileMessages(const std::shared_ptr<grpc::Channel>& channel,
                                    const google::protobuf::ServiceDescriptor& service, int rounds,
                                    uint64_t seed, std::chrono::milliseconds patience);

// Calls every method once, with one message of so many bytes (at least 16), all of them a field that nobody
// knows: by the method's name, how it ended.
std::map<std::string, grpc::StatusCode> CallWithMessagesOf(size_t bytes,
                                                           const std::shared_ptr<grpc::Channel>& channel,
                                                           const google::protobuf::ServiceDescriptor& service,
                                                           std::chrono::milliseconds patience);

// Which of them were not refused for their size; empty: none.
std::string NotTooLarge(const std::map<std::string, grpc::StatusCode>& codes);

// LINNET_HOSTILE_ROUNDS, or `usual`: for searches that are longer than a test's.
int HostileRounds(int usual);

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_HOSTILE_RPC_H_
