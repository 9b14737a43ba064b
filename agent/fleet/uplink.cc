#include "agent/fleet/uplink.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "linnet/privacy/v1/privacy.pb.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/message_check.h"

namespace linnet::fleet {
namespace {

namespace pb = google::protobuf;

uint32_t VarintBytes(uint64_t value) {
  return static_cast<uint32_t>(pb::io::CodedOutputStream::VarintSize64(value));
}

// Lengths, lists, enumerations and unknown fields: net::CheckSaid has looked at them before.
class Walk {
 public:
  absl::Status Message(const pb::Message& message, const std::string& prefix) {
    const pb::Reflection& reflection = *message.GetReflection();
    std::vector<const pb::FieldDescriptor*> set;
    reflection.ListFields(message, &set);
    for (const pb::FieldDescriptor* field : set) {
      const auto& meaning = field->options().GetExtension(privacy::v1::value);
      if (meaning.kind() == privacy::v1::KIND_UNSPECIFIED || field->is_extension()) {
        return absl::InvalidArgumentError(absl::StrCat(field->full_name(), ": has no stated meaning"));
      }
      const std::string name = absl::StrCat(prefix, field->name());
      if (!field->is_repeated()) {
        LINNET_RETURN_IF_ERROR(Value(message, *field, -1, name, meaning));
        continue;
      }
      const int size = reflection.FieldSize(message, field);
      for (int i = 0; i < size; ++i) {
        LINNET_RETURN_IF_ERROR(Value(message, *field, i, absl::StrCat(name, "[", i, "]"), meaning));
      }
    }
    return absl::OkStatus();
  }

  std::vector<repo::UplinkField> fields;

 private:
  void Add(const std::string& name, uint32_t bytes, const privacy::v1::Value& meaning, std::string value) {
    fields.push_back({name, bytes, privacy::v1::Kind_Name(meaning.kind()), std::move(value)});
  }

  absl::Status Value(const pb::Message& message, const pb::FieldDescriptor& field, int index,
                     const std::string& name, const privacy::v1::Value& meaning) {
    const pb::Reflection& r = *message.GetReflection();
    const bool one = index < 0;
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        return Message(one ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index),
                       name + ".");
      case pb::FieldDescriptor::CPPTYPE_STRING: {
        if (field.type() != pb::FieldDescriptor::TYPE_BYTES) break;
        const std::string bytes =
            one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
        Add(name, static_cast<uint32_t>(bytes.size()), meaning, base::Hex(bytes));
        return absl::OkStatus();
      }
      case pb::FieldDescriptor::CPPTYPE_UINT32:
      case pb::FieldDescriptor::CPPTYPE_UINT64: {
        const bool wide = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_UINT64;
        if (!one) break;
        const uint64_t value = wide ? r.GetUInt64(message, &field) : r.GetUInt32(message, &field);
        Add(name, VarintBytes(value), meaning, absl::StrCat(value));
        return absl::OkStatus();
      }
      case pb::FieldDescriptor::CPPTYPE_ENUM: {
        if (!one) break;
        const int value = r.GetEnumValue(message, &field);
        Add(name, VarintBytes(static_cast<uint64_t>(value)), meaning, absl::StrCat(value));
        return absl::OkStatus();
      }
      default:
        break;
    }
    return absl::InvalidArgumentError(absl::StrCat(field.full_name(), ": is of a type that is never sent"));
  }
};

}  // namespace

absl::StatusOr<std::vector<repo::UplinkField>> FieldsOf(const pb::Message& message) {
  LINNET_RETURN_IF_ERROR(net::CheckSaid(message));
  Walk walk;
  LINNET_RETURN_IF_ERROR(walk.Message(message, ""));
  return std::move(walk.fields);
}

absl::Status UplinkGate::Admit(const pb::Message& message, bool for_update) {
  repo::UplinkMessage entry;
  entry.time = clock_.Now();
  entry.message = message.GetDescriptor()->full_name();
  entry.bytes = static_cast<uint32_t>(message.ByteSizeLong());
  entry.for_update = for_update && updating_ && updating_();
  LINNET_ASSIGN_OR_RETURN(entry.fields, FieldsOf(message));
  return state_.Write([&]() -> absl::Status {
    repo::UplinkJournal journal(state_.db());
    LINNET_ASSIGN_OR_RETURN(const repo::UplinkTotals totals, journal.Totals(entry.time));
    if (!entry.for_update && totals.budget_bytes_today + entry.bytes > budget_) {
      return absl::ResourceExhaustedError(absl::StrCat("uplink: ", totals.budget_bytes_today, " of ", budget_,
                                                       " bytes of today are used; nothing more is sent"));
    }
    return journal.Append(entry);
  });
}

absl::Status UplinkGate::CountServed(std::string_view message, int64_t messages, int64_t bytes) {
  return state_.Write([&] { return repo::UplinkJournal(state_.db()).CountServed(message, messages, bytes); });
}

}  // namespace linnet::fleet
