#include "agent/http/openai_sampling.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"

namespace linnet::http {
namespace {

using nlohmann::json;

constexpr float kNever = -std::numeric_limits<float>::infinity();

struct NumberField {
  const char* name;
  double least, most;
  float sampler::SamplingOptions::* to;
};

using O = sampler::SamplingOptions;
constexpr NumberField kNumbers[] = {{"temperature", 0, 2, &O::temperature},
                                    {"top_p", 0.0001, 1, &O::top_p},
                                    {"frequency_penalty", -2, 2, &O::frequency_penalty},
                                    {"presence_penalty", -2, 2, &O::presence_penalty},
                                    {"min_p", 0, 0.9999, &O::min_p},
                                    {"typical_p", 0.0001, 1, &O::typical_p},
                                    {"top_n_sigma", 0, 100, &O::top_n_sigma},
                                    {"xtc_probability", 0, 1, &O::xtc_probability},
                                    {"xtc_threshold", 0, 1, &O::xtc_threshold},
                                    {"repeat_penalty", 1, 2, &O::repetition_penalty},
                                    {"repetition_penalty", 1, 2, &O::repetition_penalty},
                                    {"dry_multiplier", 0, 1000, &O::dry_multiplier},
                                    {"dry_base", 1, 100, &O::dry_base},
                                    {"mirostat_tau", 0, 100, &O::mirostat_tau},
                                    {"mirostat_eta", 0, 1, &O::mirostat_eta},
                                    {"dynatemp_range", 0, 10, &O::dynatemp_range},
                                    {"dynatemp_exponent", 0.0001, 100, &O::dynatemp_exponent}};

Problem Counts(const json& root, O* out) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (Problem problem = Count(root, "top_k", 0, kMost, &out->top_k)) return problem;
  if (Problem problem = Count(root, "dry_allowed_length", 0, kMost, &out->dry_allowed_length)) return problem;
  if (Problem problem = Count(root, "mirostat", 0, 2, &out->mirostat)) return problem;
  if (out->mirostat == 1) return Wrong("mirostat", "expected 0 or 2 (there is no version 1)");
  int64_t look_back = out->repetition_window;
  if (Problem problem = Integer(root, "repeat_last_n", -1, kMost, &look_back)) return problem;
  out->repetition_window = look_back < 0 ? UINT32_MAX : static_cast<uint32_t>(look_back);
  look_back = out->dry_penalty_last_n;
  if (Problem problem = Integer(root, "dry_penalty_last_n", -1, kMost, &look_back)) return problem;
  out->dry_penalty_last_n = static_cast<int32_t>(look_back);
  return std::nullopt;
}

Problem Seed(const json& root, uint64_t* out) {
  // Without a seed two samples should differ.
  const std::string random = base::RandomBytes(8);
  for (const char c : random) *out = *out << 8 | static_cast<uint8_t>(c);
  if (IsAbsent(root, "seed")) return std::nullopt;
  const json& seed = root["seed"];
  if (!seed.is_number_integer()) return Wrong("seed", "expected a whole number");
  *out = seed.is_number_unsigned() ? seed.get<uint64_t>() : static_cast<uint64_t>(seed.get<int64_t>());
  return std::nullopt;
}

Problem BiasList(const json& list, O* out) {
  for (const json& entry : list) {
    const bool pair = entry.is_array() && entry.size() == 2 && entry[0].is_number_unsigned() &&
                      entry[0].get<uint64_t>() <= INT32_MAX && (entry[1].is_number() || entry[1] == false);
    if (!pair) return Wrong("logit_bias", "expected pairs of a token id and a number or false");
    out->logit_bias.emplace_back(entry[0].get<int32_t>(), entry[1] == false ? kNever : entry[1].get<float>());
  }
  return std::nullopt;
}

Problem Bias(const json& root, O* out) {
  if (IsAbsent(root, "logit_bias")) return std::nullopt;
  const json& bias = root["logit_bias"];
  if (bias.is_array()) return BiasList(bias, out);
  if (!bias.is_object()) return Wrong("logit_bias", "expected an object of token ids and numbers");
  for (const auto& [key, value] : bias.items()) {
    int32_t id = -1;
    if (!absl::SimpleAtoi(key, &id) || id < 0) {
      return Wrong("logit_bias", absl::StrCat("\"", key.substr(0, 40), "\" is no token id"));
    }
    float number = 0;
    if (Problem problem = Number(bias, key.c_str(), -100, 100, &number)) {
      return Wrong("logit_bias", absl::StrCat("token ", id, ": expected a number from -100 to 100"));
    }
    out->logit_bias.emplace_back(id, number);
  }
  return std::nullopt;
}

Problem Texts(const json& root, const char* name, std::vector<std::string>* out) {
  if (IsAbsent(root, name)) return std::nullopt;
  const json& list = root[name];
  if (!list.is_array()) return Wrong(name, "expected a list of texts");
  out->clear();
  for (const json& text : list) {
    if (!text.is_string()) return Wrong(name, "expected a list of texts");
    out->push_back(text.get<std::string>());
  }
  return std::nullopt;
}

Problem Order(const json& root, O* out) {
  if (IsAbsent(root, "samplers")) return std::nullopt;
  std::vector<std::string> names;
  if (root["samplers"].is_string()) {
    names = absl::StrSplit(root["samplers"].get<std::string>(), ';', absl::SkipEmpty());
  } else if (Problem problem = Texts(root, "samplers", &names)) {
    return problem;
  }
  absl::StatusOr<std::vector<sampler::Stage>> order = sampler::ParseOrder(names);
  if (!order.ok()) {
    // The message begins with the name already.
    ApiError error = Wrong("samplers", "");
    error.message = base::Message(order.status());
    return error;
  }
  out->order = *std::move(order);
  return std::nullopt;
}

}  // namespace

Problem ParseSampling(const json& root, O* out) {
  for (const NumberField& field : kNumbers) {
    if (Problem problem = Number(root, field.name, field.least, field.most, &(out->*field.to)))
      return problem;
  }
  if (Problem problem = Counts(root, out)) return problem;
  if (Problem problem = Seed(root, &out->seed)) return problem;
  if (Problem problem = Bias(root, out)) return problem;
  if (Problem problem = Texts(root, "dry_sequence_breakers", &out->dry_sequence_breakers)) return problem;
  if (Problem problem = Order(root, out)) return problem;
  // What the fields' own ranges leave: how many, how long, twice.
  if (const absl::Status status = sampler::Validate(*out); !status.ok()) {
    const std::string message = base::Message(status);
    ApiError error = Wrong(message.substr(0, message.find(':')), "");
    error.message = message;
    return error;
  }
  return std::nullopt;
}

}  // namespace linnet::http
