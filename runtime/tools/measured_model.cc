#include "runtime/tools/measured_model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/pack/packed_file.h"

namespace linnet::tools {
namespace {

constexpr uint32_t kBatch = 128;

}  // namespace

absl::StatusOr<std::unique_ptr<MeasuredModel>> MeasuredModel::Load(base::FileSystem& fs,
                                                                   const std::string& path,
                                                                   const Options& options) {
  std::string error;
  const kernels::Variant* kernels = kernels::SelectFromEnvironment(&error);
  if (kernels == nullptr) return absl::UnimplementedError(error);
  auto measured = std::unique_ptr<MeasuredModel>(new MeasuredModel());
  LINNET_ASSIGN_OR_RETURN(measured->file_, pack::OpenAsGguf(fs, path));
  const int threads = options.threads > 0 ? std::min(options.threads, 64) : base::PhysicalCores();
  measured->pool_ = std::make_unique<base::ThreadPool>(threads);
  LINNET_ASSIGN_OR_RETURN(
      measured->model_, model::Transformer::Create(*measured->file_, kernels->ops, *measured->pool_, kBatch));
  LINNET_ASSIGN_OR_RETURN(measured->tokenizer_, tokenizer::Tokenizer::Create(*measured->file_));
  const model::Config& config = measured->model_->config();
  if (measured->tokenizer_->vocabulary_size() > static_cast<int64_t>(config.vocabulary)) {
    return absl::DataLossError(absl::StrCat(path, ": the tokenizer has ",
                                            measured->tokenizer_->vocabulary_size(),
                                            " tokens, token_embd.weight only ", config.vocabulary));
  }
  measured->context_tokens_ = std::clamp(options.context_tokens, 1u, config.context_tokens);
  measured->most_chunks_ = options.most_chunks;
  const model::KvType kv = options.kv.value_or(model::KvTypeFor(measured->model_->weights()));
  LINNET_ASSIGN_OR_RETURN(measured->kv_, model::KvCache::Create(config, measured->context_tokens_, kv));
  for (const gguf::TensorInfo& tensor : measured->file_->tensors()) measured->by_place_.push_back(&tensor);
  std::sort(measured->by_place_.begin(), measured->by_place_.end(),
            [](const auto* a, const auto* b) { return a->data.data() < b->data.data(); });
  return measured;
}

const gguf::TensorInfo* MeasuredModel::TensorAt(const std::byte* data) const {
  auto after = std::upper_bound(by_place_.begin(), by_place_.end(), data,
                                [](const std::byte* at, const auto* t) { return at < t->data.data(); });
  if (after == by_place_.begin()) return nullptr;
  const gguf::TensorInfo* tensor = *--after;
  return data < tensor->data.data() + tensor->data.size() ? tensor : nullptr;
}

absl::StatusOr<uint32_t> MeasuredModel::Run(std::string_view text, model::Observer& observer,
                                            const Progress& progress) {
  const auto ids = tokenizer_->Encode(text, {.add_special = false});
  if (ids.empty()) return absl::InvalidArgumentError("the text has no tokens");
  // BOS where the model wants it: encoding nothing shows it.
  std::vector<tokenizer::TokenId> front;
  const auto alone = tokenizer_->Encode("", {.add_special = true});
  if (!alone.empty() && tokenizer_->bos() == alone.front()) front.push_back(alone.front());
  const size_t room = std::max<size_t>(context_tokens_ - std::min<size_t>(front.size(), context_tokens_), 1);
  size_t chunks = (ids.size() + room - 1) / room;
  if (most_chunks_ != 0) chunks = std::min<size_t>(chunks, most_chunks_);

  model_->SetObserver(&observer);
  for (size_t c = 0; c < chunks; ++c) {
    std::vector<tokenizer::TokenId> chunk = front;
    const size_t begin = c * room, end = std::min(begin + room, ids.size());
    chunk.insert(chunk.end(), ids.begin() + static_cast<std::ptrdiff_t>(begin),
                 ids.begin() + static_cast<std::ptrdiff_t>(end));
    chunk.resize(std::min<size_t>(chunk.size(), context_tokens_));
    kv_->Truncate(0);
    for (size_t at = 0; at < chunk.size(); at += kBatch) {
      if (progress != nullptr) progress(c * room + at, chunks * room, "text");
      const size_t count = std::min<size_t>(kBatch, chunk.size() - at);
      model_->Forward(std::span(chunk).subspan(at, count), *kv_, {});
    }
  }
  model_->SetObserver(nullptr);
  return static_cast<uint32_t>(chunks);
}

}  // namespace linnet::tools
