#include "tests/support/hostile_rpc.h"

#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include <array>
#include <cstdlib>

namespace linnet::testing {
namespace {

namespace pb = google::protobuf;

constexpr int kDeepest = 3;
// Sizes that something somewhere takes for the right ones, and their neighbours.
constexpr std::array<size_t, 14> kSizes = {0, 1, 8, 15, 16, 31, 32, 33, 64, 65, 256, 1024, 5000, 70'000};
constexpr std::array<std::string_view, 14> kTexts = {"",
                                                     "a",
                                                     "home",
                                                     "models/starter/linnet-starter-1.linnet",
                                                     "root",
                                                     "plans",
                                                     "../../x",
                                                     "/dev/zero",
                                                     "manage",
                                                     "ask",
                                                     "user",
                                                     "Is the light on in the kitchen?",
                                                     "\xF0\x9F\x94\xA5\xE2\x80\xAE",
                                                     "%s%n'\";--\n"};
constexpr std::array<uint64_t, 10> kNumbers = {
    0, 1, 2, 255, 4096, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffff};

// One message or many, read until it ends.
class RawCall {
 public:
  RawCall(grpc::GenericStub& stub, const std::string& method, std::chrono::milliseconds patience) {
    context_.set_deadline(std::chrono::system_clock::now() + patience);
    call_ = stub.PrepareCall(&context_, method, &queue_);
  }

  grpc::Status Run(const std::vector<std::string>& requests) {
    call_->StartCall(nullptr);
    bool open = Wait();
    for (size_t i = 0; i < requests.size() && open; ++i) {
      const grpc::Slice slice(requests[i]);
      call_->Write(grpc::ByteBuffer(&slice, 1), nullptr);
      open = Wait();
    }
    if (open) {
      call_->WritesDone(nullptr);
      Wait();
    }
    grpc::ByteBuffer answer;
    do {
      call_->Read(&answer, nullptr);
    } while (Wait());
    grpc::Status status;
    call_->Finish(&status, nullptr);
    Wait();
    return status;
  }

 private:
  // The deadline ends what does not end by itself.
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

}  // namespace

uint64_t HostileMessages::Number() { return Below(3) == 0 ? random_() : kNumbers[Below(kNumbers.size())]; }

std::string HostileMessages::Text(bool utf8) {
  if (Below(2) == 0) return std::string(kTexts[Below(kTexts.size())]);
  std::string text(kSizes[Below(kSizes.size())], ' ');
  const bool random = Below(2) == 0;
  for (char& c : text) c = static_cast<char>(random ? (utf8 ? Below(128) : Below(256)) : 'x');
  return text;
}

void HostileMessages::FillField(pb::Message& message, const pb::FieldDescriptor& field, int depth) {
  const pb::Reflection& reflection = *message.GetReflection();
  const bool list = field.is_repeated();
  switch (field.cpp_type()) {
#define LINNET_SET(type, value) \
  list ? reflection.Add##type(&message, &field, value) : reflection.Set##type(&message, &field, value)
    case pb::FieldDescriptor::CPPTYPE_INT32:
      LINNET_SET(Int32, static_cast<int32_t>(Number()));
      break;
    case pb::FieldDescriptor::CPPTYPE_INT64:
      LINNET_SET(Int64, static_cast<int64_t>(Number()));
      break;
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      // `protocol` is 1: else nothing behind that check would be reached.
      LINNET_SET(UInt32, field.name() == "protocol" && Below(8) != 0 ? 1 : static_cast<uint32_t>(Number()));
      break;
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      LINNET_SET(UInt64, Number());
      break;
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      LINNET_SET(Float, static_cast<float>(static_cast<int64_t>(Number())) / static_cast<float>(Below(2)));
      break;
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      LINNET_SET(Double, static_cast<double>(static_cast<int64_t>(Number())) / static_cast<double>(Below(2)));
      break;
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      LINNET_SET(Bool, Below(2) == 0);
      break;
    case pb::FieldDescriptor::CPPTYPE_ENUM: {
      const int known =
          field.enum_type()
              ->value(static_cast<int>(Below(static_cast<uint64_t>(field.enum_type()->value_count()))))
              ->number();
      const int value = Below(4) == 0 ? static_cast<int>(Number()) : known;
      LINNET_SET(EnumValue, value);
      break;
    }
    case pb::FieldDescriptor::CPPTYPE_STRING:
      LINNET_SET(String, Text(field.type() == pb::FieldDescriptor::TYPE_STRING));
      break;
#undef LINNET_SET
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth < kDeepest) {
        Fill(list ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field),
             depth + 1);
      }
      break;
  }
}

void HostileMessages::Fill(pb::Message& message, int depth) {
  const pb::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    if (Below(4) == 0) continue;
    uint64_t times = 1;
    if (type.field(i)->is_repeated()) times = Below(8) == 0 ? 300 : Below(4);
    for (uint64_t k = 0; k < times; ++k) FillField(message, *type.field(i), depth);
  }
  if (Below(8) == 0) {
    message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(
        1 + static_cast<int>(Below(1000)), Text(false));
  }
}

void HostileMessages::Damage(std::string& bytes) {
  if (bytes.empty()) {
    bytes.assign(1 + Below(64), static_cast<char>(Below(256)));
    return;
  }
  const size_t at = Below(bytes.size());
  switch (Below(4)) {
    case 0:
      bytes.resize(at);
      break;
    case 1:
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << Below(8)));
      break;
    case 2:
      bytes.insert(at, bytes.substr(Below(bytes.size())));
      break;
    default:
      bytes.insert(at, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");  // the longest length that there is
  }
}

std::string HostileMessages::Next(const pb::Descriptor& type) {
  const std::unique_ptr<pb::Message> message(
      pb::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  if (Below(16) != 0) Fill(*message, 0);
  std::string bytes = message->SerializeAsString();
  for (uint64_t times = Below(3); times > 0; --times) Damage(bytes);
  return bytes;
}

AnswerCodes CallWithHostileMessages(const std::shared_ptr<grpc::Channel>& channel,
                                    const pb::ServiceDescriptor& service, int rounds, uint64_t seed,
                                    std::chrono::milliseconds patience) {
  pb::SetLogHandler(nullptr);  // as our programs do: it would print each text that is no UTF-8
  HostileMessages messages(seed);
  grpc::GenericStub stub(channel);
  AnswerCodes codes;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < service.method_count(); ++i) {
      const pb::MethodDescriptor& method = *service.method(i);
      std::vector<std::string> requests;
      const int most = method.client_streaming() ? 1 + round % 4 : 1;
      for (int k = 0; k < most; ++k) requests.push_back(messages.Next(*method.input_type()));
      RawCall call(stub, "/" + service.full_name() + "/" + method.name(), patience);
      ++codes[call.Run(requests).error_code()];
    }
  }
  return codes;
}

std::map<std::string, grpc::StatusCode> CallWithMessagesOf(size_t bytes,
                                                           const std::shared_ptr<grpc::Channel>& channel,
                                                           const pb::ServiceDescriptor& service,
                                                           std::chrono::milliseconds patience) {
  std::map<std::string, grpc::StatusCode> codes;
  grpc::GenericStub stub(channel);
  for (int i = 0; i < service.method_count(); ++i) {
    const pb::MethodDescriptor& method = *service.method(i);
    const std::unique_ptr<pb::Message> message(
        pb::MessageFactory::generated_factory()->GetPrototype(method.input_type())->New());
    std::string* filler =
        message->GetReflection()->MutableUnknownFields(message.get())->AddLengthDelimited(4000);
    filler->assign(bytes, 'x');
    filler->resize(bytes - (message->ByteSizeLong() - bytes));  // less what says that it is there
    RawCall call(stub, "/" + service.full_name() + "/" + method.name(), patience);
    codes[method.name()] = call.Run({message->SerializeAsString()}).error_code();
  }
  return codes;
}

std::string NotTooLarge(const std::map<std::string, grpc::StatusCode>& codes) {
  std::string names;
  for (const auto& [method, code] : codes) {
    if (code != grpc::StatusCode::RESOURCE_EXHAUSTED) {
      names += method + " code " + std::to_string(code) + "; ";
    }
  }
  return codes.empty() ? "there are no methods" : names;
}

std::string UnclearAnswers(const AnswerCodes& codes) {
  std::string wrong;
  for (const grpc::StatusCode code :
       {grpc::StatusCode::UNKNOWN, grpc::StatusCode::INTERNAL, grpc::StatusCode::UNAVAILABLE}) {
    if (const auto found = codes.find(code); found != codes.end())
      wrong += "code " + std::to_string(code) + " " + std::to_string(found->second) + " times; ";
  }
  if (codes.size() < 2) wrong += "all answers have one code";
  return wrong;
}

int HostileRounds(int usual) {
  const char* wanted = std::getenv("LINNET_HOSTILE_ROUNDS");
  const int rounds = wanted == nullptr ? 0 : std::atoi(wanted);
  return rounds > 0 ? rounds : usual;
}

}  // namespace linnet::testing
