#include "runtime/model/embedder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/model/encoder.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/transformer.h"

namespace linnet::model {
namespace {

constexpr uint32_t kDecoderBatch = 64;
// By number, as llama.cpp's llama_pooling_type; 4 ranks pairs of texts.
constexpr std::string_view kPoolings[] = {"none", "mean", "cls", "last"};

class EncoderEmbedder final : public Embedder {
 public:
  EncoderEmbedder(std::unique_ptr<Encoder> encoder, const kernels::Ops& ops)
      : Embedder(ops, encoder->config().vocabulary, encoder->config().dim, encoder->config().context_tokens),
        encoder_(std::move(encoder)) {}

 protected:
  absl::StatusOr<std::vector<float>> Vectors(std::span<const int32_t> tokens) override {
    return encoder_->Forward(tokens);
  }

 private:
  std::unique_ptr<Encoder> encoder_;
};

class DecoderEmbedder final : public Embedder, private Observer {
 public:
  DecoderEmbedder(std::unique_ptr<Transformer> decoder, const kernels::Ops& ops)
      : Embedder(ops, decoder->config().vocabulary, decoder->config().dim, decoder->config().context_tokens),
        decoder_(std::move(decoder)) {
    decoder_->SetObserver(this);
  }

 protected:
  absl::StatusOr<std::vector<float>> Vectors(std::span<const int32_t> tokens) override {
    LINNET_ASSIGN_OR_RETURN(const auto kv,
                            KvCache::Create(decoder_->config(), static_cast<uint32_t>(tokens.size())));
    vectors_.clear();
    vectors_.reserve(tokens.size() * dim());
    for (size_t at = 0; at < tokens.size(); at += kDecoderBatch) {
      decoder_->Forward(tokens.subspan(at, std::min<size_t>(kDecoderBatch, tokens.size() - at)), *kv, {});
    }
    return std::exchange(vectors_, {});
  }

 private:
  void OnResidual(uint32_t layer, const float* x, size_t tokens) override {
    const Config& config = decoder_->config();
    if (layer != config.layers) return;
    const Norm& norm = decoder_->weights().final_norm;
    const size_t from = vectors_.size();
    vectors_.resize(from + tokens * config.dim);
    for (size_t t = 0; t < tokens; ++t) {
      const float* in = x + t * config.dim;
      float* out = vectors_.data() + from + t * config.dim;
      if (norm.weight.empty()) {
        std::copy_n(in, config.dim, out);
      } else if (config.family.norm == NormKind::kRms) {
        ops_.rms_norm(in, norm.weight.data(), out, config.dim, config.epsilon);
      } else {
        ops_.layer_norm(in, norm.weight.data(), norm.bias.empty() ? nullptr : norm.bias.data(), out,
                        config.dim, config.epsilon);
      }
    }
  }

  std::unique_ptr<Transformer> decoder_;
  std::vector<float> vectors_;
};

}  // namespace

std::string_view PoolingName(Pooling pooling) { return kPoolings[static_cast<size_t>(pooling)]; }

std::optional<Pooling> ParsePooling(std::string_view name) {
  for (size_t i = 0; i < std::size(kPoolings); ++i) {
    if (kPoolings[i] == name) return static_cast<Pooling>(i);
  }
  return std::nullopt;
}

absl::StatusOr<std::unique_ptr<Embedder>> Embedder::Create(const gguf::ModelFile& file,
                                                           const kernels::Ops& ops, base::ThreadPool& pool) {
  std::unique_ptr<Embedder> embedder;
  if (IsEncoder(file)) {
    LINNET_ASSIGN_OR_RETURN(auto encoder, Encoder::Create(file, ops, pool));
    embedder = std::make_unique<EncoderEmbedder>(std::move(encoder), ops);
  } else {
    LINNET_ASSIGN_OR_RETURN(auto decoder, Transformer::Create(file, ops, pool, kDecoderBatch));
    embedder = std::make_unique<DecoderEmbedder>(std::move(decoder), ops);
    embedder->pooling_ = Pooling::kLast;
  }
  LINNET_ASSIGN_OR_RETURN(const std::string_view architecture, file.GetString("general.architecture"));
  const std::string key = absl::StrCat(std::string(architecture), ".pooling_type");
  if (!file.Has(key)) return embedder;
  LINNET_ASSIGN_OR_RETURN(const uint64_t number, file.GetUint(key));
  if (number >= std::size(kPoolings)) {
    return absl::UnimplementedError(absl::StrCat(file.path(), ": ", key, " is ", number,
                                                 number == 4 ? " (ranking)" : "",
                                                 ", supported are 0 (none), 1 (mean), 2 (cls) and 3 (last)"));
  }
  embedder->pooling_ = static_cast<Pooling>(number);
  return embedder;
}

absl::StatusOr<std::vector<float>> Embedder::Embed(std::span<const int32_t> tokens, Pooling pooling,
                                                   bool normalize) {
  if (tokens.empty()) return absl::InvalidArgumentError("the text has no tokens");
  if (tokens.size() > context_tokens_) {
    return absl::OutOfRangeError(absl::StrCat("the text has ", tokens.size(), " tokens, ",
                                              tokens.size() - context_tokens_, " more than the model's ",
                                              context_tokens_));
  }
  for (const int32_t token : tokens) {
    if (token < 0 || static_cast<uint32_t>(token) >= vocabulary_) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", token, " is outside the model's vocabulary of ", vocabulary_));
    }
  }
  LINNET_ASSIGN_OR_RETURN(std::vector<float> vectors, Vectors(tokens));
  std::vector<float> pooled = Pool(std::move(vectors), pooling);
  if (normalize) {
    for (size_t i = 0; i < pooled.size(); i += dim_) Normalize(pooled.data() + i);
  }
  return pooled;
}

std::vector<float> Embedder::Pool(std::vector<float> vectors, Pooling pooling) const {
  const size_t n = vectors.size() / dim_;
  switch (pooling) {
    case Pooling::kNone:
      return vectors;
    case Pooling::kMean:
      for (size_t t = 1; t < n; ++t) ops_.add(vectors.data(), vectors.data() + t * dim_, dim_);
      ops_.scale(vectors.data(), 1.0f / static_cast<float>(n), dim_);
      break;
    case Pooling::kCls:
      break;
    case Pooling::kLast:
      vectors.erase(vectors.begin(), vectors.end() - static_cast<ptrdiff_t>(dim_));
      break;
  }
  vectors.resize(dim_);
  return vectors;
}

void Embedder::Normalize(float* vector) const {
  float squares = 0.0f;
  ops_.matmul[kernels::WeightType::kF32](vector, vector, &squares, 1, dim_, 1, 1);
  if (squares > 0.0f) ops_.scale(vector, 1.0f / std::sqrt(squares), dim_);
}

}  // namespace linnet::model
