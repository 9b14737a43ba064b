#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/output.h"
#include "deploy/probe/tensor_table.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/model_file.h"
#include "runtime/model/encoder_weights.h"
#include "runtime/model/weights.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tools/tensor_values.h"

// What can be said of a file without running it.
namespace linnet::probe {
namespace {

constexpr uint64_t kMaxTextBytes = 64u << 20;

// Why the engine would refuse the file; empty when it would not.
std::string WhyNot(const gguf::ModelFile& file) {
  if (model::IsEncoder(file)) {
    auto config = model::ReadEncoderConfig(file);
    if (!config.ok()) return base::Message(config.status());
    if (auto weights = model::LoadEncoderWeights(file, *config); !weights.ok())
      return base::Message(weights.status());
    if (auto tokenizer = tokenizer::Tokenizer::Create(file); !tokenizer.ok())
      return base::Message(tokenizer.status());
    return "an encoder, for linnet model embed";
  }
  auto config = model::ReadConfig(file);
  if (!config.ok()) return base::Message(config.status());
  if (auto weights = model::LoadWeights(file, *config); !weights.ok()) return base::Message(weights.status());
  if (auto tokenizer = tokenizer::Tokenizer::Create(file); !tokenizer.ok())
    return base::Message(tokenizer.status());
  return "";
}

// "gemma3: Gemma 3 (text)", or what it is instead.
std::string FamilyOf(const gguf::ModelFile& file) {
  const auto name = file.GetString("general.architecture");
  if (!name.ok()) return "none named";
  const model::Family* family = model::FindFamily(*name);
  return absl::StrCat(std::string(*name), ": ",
                      family == nullptr ? "no supported decoder" : std::string(family->about));
}

// `packed`: what it was packed from, or null for a GGUF.
void PrintInspection(const InspectCommand& command, const gguf::ModelFile& file,
                     const pack::PackSource* packed, uint32_t gguf_version, const std::string& why_not) {
  uint64_t parameters = 0, tensor_bytes = 0;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    parameters += tools::ElementsOf(tensor);
    tensor_bytes += tensor.data.size();
  }
  const double bits =
      parameters == 0 ? 0 : 8 * static_cast<double>(tensor_bytes) / static_cast<double>(parameters);
  const bool tensors = command.tensors || command.stats;
  if (command.json) {
    nlohmann::json metadata = nlohmann::json::object();
    for (const auto& [key, value] : file.DescribeMetadata()) metadata[key] = value;
    nlohmann::json out = {{"path", command.file},     {"file_bytes", file.size_bytes()},
                          {"parameters", parameters}, {"tensor_count", file.tensors().size()},
                          {"runs", why_not.empty()},  {"family", FamilyOf(file)},
                          {"metadata", metadata},     {"types", TypesToJson(file)},
                          {"bits_per_weight", bits}};
    if (packed == nullptr) {
      out["gguf_version"] = gguf_version;
    } else {
      out["packed"] = {{"version", pack::kPackVersion},
                       {"gguf_bytes", packed->size_bytes},
                       {"gguf_sha256", base::Hex(packed->sha256)}};
    }
    if (!why_not.empty()) out["why_not"] = why_not;
    if (tensors) out["tensors"] = TensorsToJson(file, command.stats);
    Print(out);
    return;
  }
  const std::string container =
      packed == nullptr ? absl::StrCat("GGUF v", gguf_version)
                        : absl::StrCat("packed v", pack::kPackVersion, " of the GGUF with SHA-256 ",
                                       base::Hex(packed->sha256).substr(0, 12), "...");
  std::printf("%s: %s, %llu bytes, %zu tensors, %llu parameters, %.3f bits per weight\n",
              command.file.c_str(), container.c_str(), static_cast<unsigned long long>(file.size_bytes()),
              file.tensors().size(), static_cast<unsigned long long>(parameters), bits);
  std::printf("family: %s\n", FamilyOf(file).c_str());
  std::printf("runs here: %s\n", why_not.empty() ? "yes" : ("no: " + why_not).c_str());
  for (const auto& [key, value] : file.DescribeMetadata())
    std::printf("%-42s %s\n", key.c_str(), value.c_str());
  if (tensors) PrintTensors(file, command.stats);
}

}  // namespace

int InspectCommand::Run() const {
  base::FileSystem& fs = base::FileSystem::Real();
  const auto is_packed = pack::IsPacked(fs, file);
  if (!is_packed.ok()) return Fail(file, is_packed.status(), Phase::kFile, json);
  if (*is_packed) {
    const auto packed = pack::OpenPacked(fs, file);
    if (!packed.ok()) return Fail(file, packed.status(), Phase::kFile, json);
    PrintInspection(*this, *packed->model, &packed->source, 0, WhyNot(*packed->model));
    return kOk;
  }
  const auto gguf = gguf::GgufFile::Open(fs, file);
  if (!gguf.ok()) return Fail(file, gguf.status(), Phase::kFile, json);
  PrintInspection(*this, **gguf, nullptr, (*gguf)->version(), WhyNot(**gguf));
  return kOk;
}

int TokenizeCommand::Run() const {
  std::string input = text;
  if (!text_file.empty()) {
    auto read = base::FileSystem::Real().ReadFile(text_file, kMaxTextBytes);
    if (!read.ok()) return Fail(text_file, read.status(), Phase::kFile, json);
    input = *std::move(read);
  }
  const auto gguf = pack::OpenModel(base::FileSystem::Real(), file);
  if (!gguf.ok()) return Fail(file, gguf.status(), Phase::kFile, json);
  const auto tokenizer = tokenizer::Tokenizer::Create(**gguf);
  if (!tokenizer.ok()) return Fail(file, tokenizer.status(), Phase::kFile, json);
  const auto ids = (*tokenizer)->Encode(input, {.add_special = !no_special, .parse_special = parse_special});
  if (json) {
    nlohmann::json pieces = nlohmann::json::array();
    for (const tokenizer::TokenId id : ids) pieces.push_back(std::string((*tokenizer)->Piece(id)));
    Print({{"ids", ids}, {"count", ids.size()}, {"pieces", pieces}});
  } else {
    std::printf("%s\n", absl::StrJoin(ids, " ").c_str());
  }
  return kOk;
}

}  // namespace linnet::probe
