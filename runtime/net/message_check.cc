#include "runtime/net/message_check.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "linnet/privacy/v1/privacy.pb.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::net {
namespace {

namespace pb = google::protobuf;

// What the schema says of a field, whichever way it travels.
struct Rule {
  uint32_t exact = 0, at_most = 0;  // bytes; both 0: nothing is said
  uint32_t most = 0;                // entries
  bool counts = true;               // towards kMostSaidBytes
};

Rule RuleOf(const pb::FieldDescriptor& field) {
  const pb::FieldOptions& options = field.options();
  if (options.HasExtension(privacy::v1::value)) {
    const privacy::v1::Value& value = options.GetExtension(privacy::v1::value);
    const bool varies = value.kind() == privacy::v1::CERTIFICATE || value.kind() == privacy::v1::CHUNK;
    return {varies ? 0 : value.length(), varies ? value.length() : 0, value.most(), !varies};
  }
  const privacy::v1::Bound& bound = options.GetExtension(privacy::v1::bound);
  return {bound.length(), bound.at_most(), bound.most(), true};
}

class Walk {
 public:
  absl::Status Message(const pb::Message& message) {
    const pb::Reflection& reflection = *message.GetReflection();
    const pb::Descriptor& type = *message.GetDescriptor();
    if (const pb::UnknownFieldSet& unknown = reflection.GetUnknownFields(message); !unknown.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(type.full_name(), ": field number ", unknown.field(0).number(), " is not known"));
    }
    for (int i = 0; i < type.field_count(); ++i) {
      const pb::FieldDescriptor& field = *type.field(i);
      const Rule rule = RuleOf(field);
      if (field.is_repeated()) {
        const int size = reflection.FieldSize(message, &field);
        if (static_cast<uint32_t>(size) > rule.most) {
          return absl::InvalidArgumentError(
              absl::StrCat(field.full_name(), ": has ", size, " entries, expected at most ", rule.most));
        }
        for (int k = 0; k < size; ++k) LINNET_RETURN_IF_ERROR(Value(message, field, k, rule));
      } else if (!field.has_presence() || reflection.HasField(message, &field)) {
        LINNET_RETURN_IF_ERROR(Value(message, field, -1, rule));
      }
    }
    return absl::OkStatus();
  }

  size_t uncounted_bytes = 0;

 private:
  absl::Status Value(const pb::Message& message, const pb::FieldDescriptor& field, int index,
                     const Rule& rule) {
    const pb::Reflection& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        const std::string& bytes =
            index < 0 ? reflection.GetStringReference(message, &field, &scratch)
                      : reflection.GetRepeatedStringReference(message, &field, index, &scratch);
        if (!rule.counts) uncounted_bytes += bytes.size();
        return Bytes(field, bytes, rule);
      }
      case pb::FieldDescriptor::CPPTYPE_ENUM: {
        const int number = index < 0 ? reflection.GetEnumValue(message, &field)
                                     : reflection.GetRepeatedEnumValue(message, &field, index);
        if (field.enum_type()->FindValueByNumber(number) != nullptr) return absl::OkStatus();
        return absl::InvalidArgumentError(
            absl::StrCat(field.full_name(), ": value ", number, " is not known"));
      }
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        return Message(index < 0 ? reflection.GetMessage(message, &field)
                                 : reflection.GetRepeatedMessage(message, &field, index));
      default:
        return absl::OkStatus();
    }
  }

  static absl::Status Bytes(const pb::FieldDescriptor& field, const std::string& bytes, const Rule& rule) {
    const bool right = rule.exact != 0 ? bytes.size() == rule.exact : bytes.size() <= rule.at_most;
    if (!bytes.empty() && !right) {
      return absl::InvalidArgumentError(absl::StrCat(field.full_name(), ": has ", bytes.size(),
                                                     " bytes, expected ", rule.exact != 0 ? "" : "at most ",
                                                     rule.exact != 0 ? rule.exact : rule.at_most));
    }
    const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
    if (field.type() != pb::FieldDescriptor::TYPE_STRING ||
        std::all_of(bytes.begin(), bytes.end(), printable)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat(field.full_name(), ": has characters that are no printable ASCII"));
  }
};

}  // namespace

absl::Status CheckMessage(const pb::Message& message) { return Walk().Message(message); }

absl::Status CheckSaid(const pb::Message& message) {
  Walk walk;
  LINNET_RETURN_IF_ERROR(walk.Message(message));
  const size_t size = message.ByteSizeLong() - walk.uncounted_bytes;
  if (size <= kMostSaidBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(message.GetDescriptor()->full_name(), ": has ", size,
                                                 " bytes, expected at most ", kMostSaidBytes));
}

absl::Status CheckRequest(const pb::Message& request, const Protocols& spoken) {
  const pb::FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("protocol");
  const uint32_t protocol = request.GetReflection()->GetUInt32(request, field);
  if (protocol >= spoken.oldest && protocol <= spoken.newest) return CheckSaid(request);
  return absl::FailedPreconditionError(
      absl::StrCat("protocol ", protocol, " is not spoken here, expected ", spoken.oldest,
                   spoken.oldest == spoken.newest ? "" : absl::StrCat(" to ", spoken.newest), "; update ",
                   protocol > spoken.newest ? "this end" : "the device that calls"));
}

absl::Status CheckAnswer(const pb::Message& answer) {
  const absl::Status status = CheckMessage(answer);
  if (status.ok()) return status;
  return absl::DataLossError(
      absl::StrCat("the answer is not as the protocol has it: ", base::Message(status)));
}

}  // namespace linnet::net
