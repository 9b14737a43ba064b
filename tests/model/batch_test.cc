#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "tests/support/packed_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_families.h"
#include "tests/support/tiny_model.h"

// Several sessions in one pass over the weights: each gets the bits that it gets alone.
namespace linnet::model {
namespace {

using ::linnet::testing::PackedModel;
using ::linnet::testing::TinyModelBytes;
using ::linnet::testing::TinyModelOptions;

// Threads see no difference between kernel sets, and under this sanitizer each takes minutes.
#ifdef LINNET_SANITIZED_THREADS
constexpr bool kOneSet = true;
#else
constexpr bool kOneSet = false;
#endif

constexpr uint32_t kMaxBatch = 24;
constexpr size_t kSessions = 5;
constexpr KvType kTypesOfKv[] = {KvType::kF32, KvType::kQ8, KvType::kF16};

const kernels::Variant& Best() {
  std::string error;
  return *kernels::Select("", &error);
}

std::unique_ptr<gguf::GgufFile> Parsed(const std::string& bytes) {
  auto file = gguf::GgufFile::Parse("tiny", std::as_bytes(std::span(bytes.data(), bytes.size())));
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

// Of session s: lengths and texts differ.
std::vector<int32_t> Text(size_t s) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < 40 + 7 * s; ++i)
    tokens.push_back(static_cast<int32_t>((i * i * (s + 3) + 41 * s) % 251));
  return tokens;
}

// Logits after every token of each session's text, evaluated `piece(session, round)` tokens at a time, all
// sessions together or one after the other. Contexts and types of keys and values differ, too.
template <typename Piece>
std::vector<std::vector<float>> Logits(const gguf::ModelFile& file, const kernels::Variant& variant,
                                       int threads, bool together, const Piece& piece) {
  base::ThreadPool pool(threads);
  const auto model = *Transformer::Create(file, variant.ops, pool, kMaxBatch);
  const size_t vocabulary = model->config().vocabulary;
  std::vector<std::vector<float>> out(kSessions);
  std::vector<std::vector<int32_t>> texts;
  std::vector<std::unique_ptr<KvCache>> caches;
  for (size_t s = 0; s < kSessions; ++s) {
    texts.push_back(Text(s));
    caches.push_back(*KvCache::Create(model->config(), 128 + static_cast<uint32_t>(s),
                                      kTypesOfKv[s % std::size(kTypesOfKv)]));
  }
  std::vector<float> logits;
  const auto evaluate = [&](const std::vector<std::pair<size_t, size_t>>& parts) {  // session, tokens
    std::vector<Segment> batch;
    size_t rows = 0;
    for (const auto& [s, count] : parts) {
      batch.push_back({std::span(texts[s]).subspan(caches[s]->size(), count), caches[s].get(), count});
      rows += count;
    }
    logits.resize(rows * vocabulary);
    model->Forward(batch, logits);
    auto from = logits.begin();
    for (const auto& [s, count] : parts) {
      const auto to = from + static_cast<std::ptrdiff_t>(count * vocabulary);
      out[s].insert(out[s].end(), from, to);
      from = to;
    }
  };
  bool more = true;
  for (size_t round = 0; more; ++round) {
    std::vector<std::pair<size_t, size_t>> parts;
    for (size_t s = 0; s < kSessions; ++s) {
      const size_t left = texts[s].size() - caches[s]->size();
      if (const size_t count = std::min(left, piece(s, round)); count > 0) parts.emplace_back(s, count);
    }
    more = !parts.empty();
    if (!more) break;
    if (together) {
      evaluate(parts);
    } else {
      for (const auto& part : parts) evaluate({part});
    }
  }
  return out;
}

size_t One(size_t /*session*/, size_t /*round*/) { return 1; }
// One of them has a long prompt while the others go on by a token; session 4 comes late.
size_t Mixed(size_t session, size_t round) {
  if (session == 4 && round < 3) return 0;
  return session == round % kSessions ? 17 : 1;
}

void ExpectSame(const std::vector<std::vector<float>>& found,
                const std::vector<std::vector<float>>& expected) {
  for (size_t s = 0; s < kSessions; ++s) {
    ASSERT_EQ(found[s].size(), expected[s].size());
    EXPECT_EQ(std::memcmp(found[s].data(), expected[s].data(), found[s].size() * sizeof(float)), 0)
        << "session " << s;
  }
}

TEST(BatchTest, EverySessionHasTheBitsThatItHasAloneForEverySetAndThreads) {
  for (const auto type : {kernels::WeightType::kF16, kernels::WeightType::kQ8_0, kernels::WeightType::kQ4_0,
                          kernels::WeightType::kQ4_K}) {
    const uint32_t dim = type == kernels::WeightType::kQ4_K ? 256 : 128;
    const std::string bytes = TinyModelBytes({.type = type, .dim = dim, .ffn = 2 * dim});
    const auto file = Parsed(bytes);
    const PackedModel packed(bytes);
    const auto expected = Logits(*file, Best(), 1, false, One);
    for (const kernels::Variant& variant : kernels::Variants()) {
      if (!kernels::Supported(variant) || (kOneSet && &variant != &Best())) continue;
      SCOPED_TRACE(std::string(variant.name) + " type " + std::to_string(static_cast<int>(type)));
      ExpectSame(Logits(*file, variant, 3, true, One), expected);
      ExpectSame(Logits(packed.file(), variant, 1, true, One), expected);
      ExpectSame(Logits(packed.file(), variant, 3, true, Mixed), expected);
    }
  }
}

// States, windows, learned positions, positions that temper queries, RoPE by the session's capacity.
TEST(BatchTest, EverySessionHasTheBitsThatItHasAloneInEveryFamily) {
  for (const linnet::testing::TinyFamily& family : linnet::testing::TinyFamilies()) {
    SCOPED_TRACE(family.name);
    const std::string bytes = TinyFamilyBytes(family);
    const auto file = Parsed(bytes);
    const auto expected = Logits(*file, Best(), 1, false, One);
    ExpectSame(Logits(*file, Best(), 1, true, One), expected);
    ExpectSame(Logits(*file, Best(), 3, true, Mixed), expected);
  }
}

TEST(BatchTest, FourSessionsWaitNoMoreOftenThanOne) {
  // Large enough that everything is shared out.
  const TinyModelOptions shape = {.type = kernels::WeightType::kQ8_0, .dim = 512, .layers = 3, .ffn = 1024};
  const std::string bytes = TinyModelBytes(shape);
  const auto file = Parsed(bytes);
  base::ThreadPool pool(2);
  const auto model = *Transformer::Create(*file, Best().ops, pool, 64);
  std::vector<std::unique_ptr<KvCache>> caches;
  std::vector<Segment> batch;
  const int32_t token = 7;
  for (int s = 0; s < 4; ++s) {
    caches.push_back(*KvCache::Create(model->config(), 256, s % 2 == 0 ? KvType::kQ8 : KvType::kF16));
    for (int i = 0; i < 3; ++i) model->Forward(std::vector<int32_t>(64, 9), *caches.back(), {});
    batch.push_back({{&token, 1}, caches.back().get(), 1});
  }
  std::vector<float> logits(4 * model->config().vocabulary);
  for (int i = 0; i < 20; ++i) {
    const uint64_t before = model->barriers();
    model->Forward(batch, logits);
    EXPECT_LE(model->barriers() - before, 5u * shape.layers + 1);  // the head
  }
}

}  // namespace
}  // namespace linnet::model
