#ifndef LINNET_RUNTIME_MODEL_TRANSFORMER_H_
#define LINNET_RUNTIME_MODEL_TRANSFORMER_H_

#include <algorithm>
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
#include "runtime/model/product_input.h"
#include "runtime/model/progress.h"
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
  // each(segment, its token, the token's row in the batch) of rows begin to end.
  template <typename Each>
  static void ForTokens(Batch batch, size_t begin, size_t end, const Each& each) {
    ForEach(batch, [&](const Segment& s, size_t first) {
      const size_t last = std::min(end, first + s.tokens.size());
      for (size_t row = std::max(begin, first); row < last; ++row) each(s, row - first, row);
    });
  }

  // The stream of a token of the segment, row `row` of the batch.
  void Embed(const Segment& segment, size_t token, size_t row);
  void Turn(const Segment& segment, size_t first);
  // Lays out block_ and out_.
  void PlaceBuffers();
  // From h_ to x_ and to the input of the feed-forward network (attention.cc).
  void Attention(const LayerWeights& w, Batch batch, uint32_t layer, size_t tokens);
  // The same with the layer's states instead of keys and values (recurrent.cc).
  void ShortConv(const LayerWeights& w, Batch batch, uint32_t layer, size_t tokens);
  void Mamba2(const LayerWeights& w, Batch batch, uint32_t layer, size_t tokens);
  void Convolve(const LayerWeights& w, const Segment& segment, size_t first, uint32_t layer);
  void Scan(const LayerWeights& w, Batch batch, uint32_t layer, size_t tokens);
  // The mixer's last product, of x, and what is left to do with each token before the feed-forward network.
  void EndMixer(const ProductInput& x, const LayerWeights& w, size_t tokens);
  // From h_ to x_ and to the input of the layer after it.
  void FeedForward(uint32_t layer, size_t tokens);
  // The activation of rows begin to end, and its blocks in these forms.
  void Activate(const LayerWeights& w, Forms forms, size_t begin, size_t end, size_t tokens);
  // y = f(y), times `up` where the family has gates.
  void Activate(float* y, const float* up, size_t n) const;
  void Head(Batch batch, std::span<float> logits);
  // False: all of the head is needed.
  bool Screen(std::span<float> logits);

  // The forms that the products take with which the layer begins, its feed-forward network.
  Forms MixerForms(uint32_t layer) const;
  Forms FeedForwardForms(const LayerWeights& w) const { return linear_.FormsOf({&w.gate, &w.up}); }
  // The token's stream, normalized: its row of h_, as far as these forms need it, and of normalized_.
  void MakeInput(const Norm& norm, Forms forms, size_t token);
  ProductInput Input() const { return normalized_.With(h_.data()); }
  // work(begin, end) for all tokens, on several threads where that pays.
  template <typename Work>
  void ForTokenRanges(size_t tokens, const Work& work);

  // Of one token. y may be x. Without weights, y is x.
  void Normalize(const float* x, const Norm& norm, float* y) const;
  // Of one token.
  void NormalizeHeads(float* x, const std::vector<float>& weight, size_t heads) const;
  void NormalizeOne(const float* x, const float* weight, const float* bias, float* y, size_t n) const;
  void AddBias(float* y, const std::vector<float>& bias, size_t tokens) const;
  // y: the token's row of what is added.
  void AddToStream(float* y, size_t token);
  // Makes the queries, keys and values of a token, row `row` of the batch, out of their products, and stores
  // the latter two.
  void EndProjections(const LayerWeights& w, const Segment& segment, size_t token, size_t row,
                      uint32_t layer);
  void Temper(const Segment& segment, size_t token, float* q) const;
  void Rotate(float* x, const LayerPlan& plan, size_t heads, size_t row) const;
  void StoreRow(KvType type, const float* x, std::byte* row) const;  // x: [head_dim]
  // forms: what the product after it takes.
  void Attend(Batch batch, uint32_t layer, Forms forms, size_t tokens);
  // Part `part` of `parts` of the queries of a KV head.
  void AttendPart(const Segment& segment, size_t first, uint32_t layer, Forms forms, uint32_t kv_head,
                  size_t part, size_t parts);

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

  const size_t row_bytes_;             // of the embedding or the positions
  std::unique_ptr<std::byte[]> rows_;  // [batch, row_bytes], of these, where they are unpacked
  std::vector<float> x_;               // [batch, dim], the residual stream
  std::vector<float> h_;               // [batch, dim], normalized
  QuantizedInput normalized_;          // the same
  QuantizedInput mixed_in_;            // attended_, or what the activation gives
  Progress attended_done_;             // heads of tokens
  Progress scanned_done_;              // heads of groups of tokens
  Progress activated_done_;            // rows of blocks of mixed_in_
  std::vector<float> mixed_, fed_;     // [batch, dim], what the two blocks of a layer add to x;
  std::span<float> out_;               // the second's: fed_ where they are side by side, else mixed_
  std::vector<float> block_;           // what one of the two needs: attention is over when gate_ is made
  std::span<float> q_;                 // [batch, heads, head_dim], in block_, as are these:
  std::span<float> k_, v_;             // [batch, kv_heads, head_dim], and
  std::span<float> attended_;          // [batch, heads, head_dim]
  std::span<float> gate_, up_;         // [batch, ffn], in block_
  std::vector<float> mixer_in_;        // [batch, rows of mixer_in]
  std::vector<float> conv_window_;     // [taps - 1 + batch, conv_channels]
  std::vector<float> convolved_;       // [batch, conv_channels]
  std::vector<float> scanned_;         // [batch, ssm_inner]
  std::vector<float> ones_;            // [conv_channels]
  std::vector<std::vector<float>> cos_sin_;  // by LayerPlan::rope, [batch, 2, pairs]
  // Where keys and values are bytes: the queries, [batch, heads]; else not touched.
  std::unique_ptr<kernels::ActBlock[]> q8_;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_TRANSFORMER_H_
