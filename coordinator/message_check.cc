#include "coordinator/message_check.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "linnet/privacy/v1/privacy.pb.h"
#include "runtime/base/status_macros.h"

namespace linnet::coordinator {
namespace {

namespace pb = google::protobuf;

absl::Status CheckBytes(const std::string& name, const privacy::v1::Value& meaning, size_t size) {
  const bool varies = meaning.kind() == privacy::v1::CERTIFICATE;
  if (size == 0 || size == meaning.length() || (varies && size < meaning.length())) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": has ", size, " bytes, expected ", varies ? "at most " : "", meaning.length()));
}

absl::Status CheckValue(const pb::Message& message, const pb::FieldDescriptor& field, int index) {
  const pb::Reflection& reflection = *message.GetReflection();
  const privacy::v1::Value& meaning = field.options().GetExtension(privacy::v1::value);
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const std::string& bytes =
          index < 0 ? reflection.GetStringReference(message, &field, &scratch)
                    : reflection.GetRepeatedStringReference(message, &field, index, &scratch);
      return CheckBytes(field.full_name(), meaning, bytes.size());
    }
    case pb::FieldDescriptor::CPPTYPE_ENUM: {
      const int number = index < 0 ? reflection.GetEnumValue(message, &field)
                                   : reflection.GetRepeatedEnumValue(message, &field, index);
      if (field.enum_type()->FindValueByNumber(number) != nullptr) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat(field.full_name(), ": value ", number, " is not known"));
    }
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      return CheckMessage(index < 0 ? reflection.GetMessage(message, &field)
                                    : reflection.GetRepeatedMessage(message, &field, index));
    default:
      return absl::OkStatus();
  }
}

}  // namespace

absl::Status CheckMessage(const pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  const pb::Descriptor& type = *message.GetDescriptor();
  if (const pb::UnknownFieldSet& unknown = reflection.GetUnknownFields(message); !unknown.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(type.full_name(), ": field number ", unknown.field(0).number(), " is not known"));
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor& field = *type.field(i);
    if (field.is_repeated()) {
      const int size = reflection.FieldSize(message, &field);
      const auto most = field.options().GetExtension(privacy::v1::value).most();
      if (static_cast<uint32_t>(size) > most) {
        return absl::InvalidArgumentError(
            absl::StrCat(field.full_name(), ": has ", size, " entries, expected at most ", most));
      }
      for (int k = 0; k < size; ++k) LINNET_RETURN_IF_ERROR(CheckValue(message, field, k));
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      LINNET_RETURN_IF_ERROR(CheckValue(message, field, -1));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const pb::Message& request) {
  LINNET_RETURN_IF_ERROR(CheckMessage(request));
  const pb::FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("protocol");
  const uint32_t protocol = request.GetReflection()->GetUInt32(request, field);
  if (protocol == kProtocol) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("protocol ", protocol, " is not spoken here, expected ",
                                                    kProtocol, "; update ",
                                                    protocol > kProtocol ? "the coordinator" : "the device"));
}

}  // namespace linnet::coordinator
