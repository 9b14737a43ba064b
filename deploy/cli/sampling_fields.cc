#include "deploy/cli/sampling_fields.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"

namespace linnet::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

absl::Status Wrong(const std::string& setting, const std::string& expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("--sampling: \"", base::OneLine(setting, 60), "\": expected ", expected));
}

bool SetBias(const std::string& text, agent::v1::LogitBias* bias) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  int32_t token = 0;
  float value = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &token)) return false;
  const bool never = parts[1] == "never";
  if (!never && !absl::SimpleAtof(parts[1], &value)) return false;
  bias->set_token(token);
  bias->set_bias(value);
  bias->set_forbidden(never);
  return true;
}

bool SetList(const FieldDescriptor& field, const std::string& text, agent::v1::Sampling* sampling) {
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ';'))) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!SetBias(part, sampling->add_logit_bias())) return false;
    } else {
      sampling->GetReflection()->AddString(sampling, &field, part);
    }
  }
  return true;
}

bool SetOne(const FieldDescriptor& field, const std::string& text, agent::v1::Sampling* sampling) {
  const Reflection& set = *sampling->GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_FLOAT: {
      float value = 0;
      if (!absl::SimpleAtof(text, &value)) return false;
      set.SetFloat(sampling, &field, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t value = 0;
      if (!absl::SimpleAtoi(text, &value)) return false;
      set.SetUInt32(sampling, &field, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t value = 0;
      if (!absl::SimpleAtoi(text, &value)) return false;
      set.SetInt32(sampling, &field, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t value = 0;
      if (!absl::SimpleAtoi(text, &value)) return false;
      set.SetUInt64(sampling, &field, value);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace

absl::Status SetSampling(const std::vector<std::string>& settings, agent::v1::Sampling* sampling) {
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos) return Wrong(setting, "NAME=VALUE");
    const FieldDescriptor* field =
        agent::v1::Sampling::descriptor()->FindFieldByName(setting.substr(0, equals));
    if (field == nullptr) {
      std::string names;
      for (int i = 0; i < agent::v1::Sampling::descriptor()->field_count(); ++i) {
        absl::StrAppend(&names, i == 0 ? "" : ", ", agent::v1::Sampling::descriptor()->field(i)->name());
      }
      return Wrong(setting, absl::StrCat("one of ", names));
    }
    const std::string value = setting.substr(equals + 1);
    const bool taken =
        field->is_repeated() ? SetList(*field, value, sampling) : SetOne(*field, value, sampling);
    if (taken) continue;
    return Wrong(setting, field->is_repeated() ? "logit_bias=ID:BIAS or ID:never"
                                               : absl::StrCat("a value of type ", field->type_name()));
  }
  return absl::OkStatus();
}

}  // namespace linnet::cli
