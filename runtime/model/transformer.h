#ifndef LINNET_RUNTIME_MODEL_TRANSFORMER_H_
#define LINNET_RUNTIME_MODEL_TRANSFORMER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "runtime/base/thread_pool.h"
#include "runtime/gguf/model_file.h"
#include "runtime/kernels/ops.h"
#include "runtime/model/config.h"
#include "runtime/model/head_screen.h"
#include "runtime/model/head_use.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/linear.h"
#include "runtime/model/observer.h"
#include "runtime/model/rope.h"
#include "runtime/model/weights.h"

namespace linnet::model {

// Tokens of one session that go through the model with those of others: they go on from where it is.
struct Segment {
  std::span<const int32_t> tokens;  // never empty, each inside the vocabulary
  KvCache* kv = nullptr;            // has room for them
  size_t rows = 0;                  // logits are wanted after each of the last so many
  Wanted wanted = {};               // which of them
};

// A decoder-only transformer of any family in family.cc: token ids in, logits out. The result for a token
// depends on the tokens before it alone: not on how they were split into calls, on what else was in a call,
// on threads, or on the kernel set (runtime/NUMERICS.md). For one caller at a time.
class Transformer {
 public:
  // `file`, `ops` and `pool` outlive it. At most `max_batch` tokens go into one Forward. Errors: those of
  // ReadConfig and LoadWeights.
  static absl::StatusOr<std::unique_ptr<Transformer>> Create(const gguf::ModelFile& file,
                                                             const kernels::Ops& ops, base::ThreadPool& pool,
                                                             uint32_t max_batch);

  const Config& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  uint32_t max_batch() const { return max_batch_; }
  // Whether ForwardUnless asks: layers that keep a state cannot be taken back.
  bool CanGiveUp() const { return config_.conv_taps == 0; }
  // So many of the pool's threads work for it from now on; results do not depend on it.
  void LimitThreads(int threads) { pool_.Limit(threads); }
  // How often its threads waited for each other so far.
  uint64_t barriers() const { return pool_.barriers(); }
  // What its head took so far.
  const HeadUse& head_use() const { return head_use_; }

  // Evaluates the segments' tokens (1 to max_batch in all; each segment another kv) in one pass over the
  // weights, each at positions kv->size() and on, and adds them to kv. logits: [sum of rows, vocabulary], in
  // the segments' order; of a segment that wants few of them, others may be minus infinity. Where the file
  // has RoPE factors for long sessions, kv's capacity decides which are used.
  void Forward(std::span<const Segment> batch, std::span<float> logits);
  // The same, unless `stop` says so between two layers: then false, and it is as if it had not been called.
  // `stop` is called on this thread, if CanGiveUp().
  bool ForwardUnless(absl::FunctionRef<bool()> stop, std::span<const Segment> batch, std::span<float> logits);
  // The same for one session. logits: [n, vocabulary] after each of the last n tokens, 0 <= n <=
  // tokens.size(); usually one, or none when they are not wanted.
  void Forward(std::span<const int32_t> tokens, KvCache& kv, std::span<float> logits);

  // Changes what Forward computes, until another is set; may be null. Keys and values of one adapter are no
  // use to another: they are the caller's to keep apart.
  void SetAdapter(const LoraAdapter* adapter) { linear_.SetAdapter(adapter); }
  // Sees what Forward computes, until another is set; may be null.
  void SetObserver(Observer* observer);

 private:
  Transformer(Config config, Weights weights, const kernels::Ops& ops, base::ThreadPool& pool,
              uint32_t max_batch);
  using Batch = std::span<const Segment>;
  // each(segment, number of tokens before it in the batch).
  template <typename Each>
  static void ForEach(Batch batch, const Each& each) {
    size_t first = 0;
    for (const Segment& segment : batch) {
      each(segment, first);
      first += segment.tokens.size();
    }
  }

  void Embed(const Segment& segment, size_t first);
  void Turn(const Segment& segment, size_t first);
  // From h_ to mixed_ (attention.cc).
  void Attention(const LayerWeights& w, Batch batch, uint32_t layer, size_t tokens);
  // The same with the layer's states instead of keys and values (recurrent.cc).
  void ShortConv(const LayerWeights& w, Batch batch, uint32_t layer, size_t tokens);
  void Mamba2(const LayerWeights& w, Batch batch, uint32_t layer, size_t tokens);
  void Convolve(const LayerWeights& w, const Segment& segment, size_t first, uint32_t layer);
  void Scan(const LayerWeights& w, Batch batch, uint32_t layer);
  // From h_ to out_.
  void FeedForward(const LayerWeights& w, size_t tokens);
  // y = f(y), times `up` where the family has gates.
  void Activate(float* y, const float* up, size_t n) const;
  void Head(Batch batch, std::span<float> logits);
  // False: all of the head is needed.
  bool Screen(std::span<float> logits);

  // y may be x. Without weights, y is x.
  void Normalize(const float* x, const Norm& norm, float* y, size_t tokens);
  void NormalizeHeads(float* x, const std::vector<float>& weight, size_t heads, size_t tokens);
  void NormalizeOne(const float* x, const float* weight, const float* bias, float* y, size_t n) const;
  void AddBias(float* y, const std::vector<float>& bias, size_t tokens);
  void AddToStream(float* y, size_t tokens);
  void Temper(const Segment& segment, size_t first);
  void Rotate(float* x, const LayerPlan& plan, size_t heads, size_t tokens);
  void Store(const Segment& segment, size_t first, uint32_t layer);
  void StoreRow(KvType type, const float* x, std::byte* row);  // x: [head_dim]
  void Attend(Batch batch, uint32_t layer, size_t tokens);
  // Part `part` of `parts` of the queries of a KV head.
  void AttendPart(const Segment& segment, size_t first, uint32_t layer, uint32_t kv_head, size_t part,
                  size_t parts);

  const Config config_;
  const Weights weights_;
  const kernels::Ops& ops_;
  base::ThreadPool& pool_;
  const uint32_t max_batch_;
  std::vector<Rope> ropes_, long_ropes_;  // by LayerPlan::rope; the second for long sessions, or empty
  Linear linear_;
  HeadScreen screen_;
  HeadUse head_use_;
  std::vector<Wanted> wanted_;  // by row of the logits
  Observer* observer_ = nullptr;

  std::vector<std::byte> row_;               // of the embedding, unpacked
  std::vector<float> x_;                     // [batch, dim], the residual stream
  std::vector<float> h_;                     // [batch, dim], normalized
  std::vector<float> mixed_, out_;           // [batch, dim], what the two blocks of a layer add to x
  std::vector<float> q_;                     // [batch, heads, head_dim]
  std::vector<float> k_, v_;                 // [batch, kv_heads, head_dim]
  std::vector<float> attended_;              // [batch, heads, head_dim]
  std::vector<float> gate_, up_;             // [batch, ffn]
  std::vector<float> mixer_in_;              // [batch, rows of mixer_in]
  std::vector<float> conv_window_;           // [taps - 1 + batch, conv_channels]
  std::vector<float> convolved_;             // [batch, conv_channels]
  std::vector<float> scanned_;               // [batch, ssm_inner]
  std::vector<float> ones_;                  // [conv_channels]
  std::vector<std::vector<float>> cos_sin_;  // by LayerPlan::rope, [batch, 2, pairs]
  // Where keys and values are bytes: a row of them, and the queries, [batch, heads]; else not touched.
  std::vector<kernels::ActBlock> stored_;
  std::unique_ptr<kernels::ActBlock[]> q8_;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_TRANSFORMER_H_
