#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/kernels/types.h"
#include "tests/kernels/variants.h"

// Attention of every set equals that of the scalar set: all types of keys and values.
namespace linnet::kernels {
namespace {

constexpr KvType kTypesOfKv[] = {KvType::kF32, KvType::kF16, KvType::kQ8};

// Keys, values and queries, each in a buffer that ends at a guarded page.
struct KeysAndValues {
  // q: as AttendArgs has it, `floats` in all; q8: `queries` of them.
  KeysAndValues(Random& random, Values values, KvType kv_type, size_t positions, size_t dim, size_t floats,
                size_t queries)
      : type(kv_type),
        head_dim(dim),
        k(positions * KvRowBytes(type, dim)),
        v(k.size()),
        q(type == KvType::kQ8 ? 0 : floats),
        q8(type == KvType::kQ8 ? queries * KvBlocks(dim) : 0) {
    for (GuardedBuffer<uint8_t>* rows : {&k, &v}) Fill(random, values, *rows);
    for (float& f : q.span()) f = random.Float(Values::kPlain);
    for (ActBlock& block : q8.span()) {
      block.d = random.Float(Values::kPlain) * 0x1p-5f;
      block.sum = 0;
      for (int8_t& byte : block.q) block.sum += byte = Byte(random, values);
    }
  }
  // Within +-127; extreme: nothing but those two.
  static int8_t Byte(Random& random, Values values) { return std::max<int8_t>(-127, random.Quant(values)); }
  void Fill(Random& random, Values values, GuardedBuffer<uint8_t>& rows) const {
    uint8_t* to = rows.data();
    const auto put = [&to](auto element) {
      std::memcpy(to, &element, sizeof(element));
      to += sizeof(element);
    };
    while (to != rows.data() + rows.size()) {
      if (type == KvType::kF32) put(random.Float(Values::kPlain));
      if (type == KvType::kF16) put(random.Half(Values::kPlain));
      if (type != KvType::kQ8) continue;
      for (size_t i = 0; i < KvBlocks(head_dim) * kBlock; ++i) put(Byte(random, values));
      for (size_t b = 0; b < KvBlocks(head_dim); ++b) put(random.Float(Values::kPlain) * 0x1p-5f);
    }
  }
  AttendArgs Args() {
    return {.type = type, .k = k.data(), .v = v.data(), .q = q.data(), .q8 = q8.data(), .head_dim = head_dim};
  }
  KvType type;
  size_t head_dim;
  GuardedBuffer<uint8_t> k, v;
  GuardedBuffer<float> q;
  GuardedBuffer<ActBlock> q8;
};

class AttendVariantsTest : public VariantsFixture {};

TEST_F(AttendVariantsTest, EqualsScalar) {
  Random random(kSeed);
  for (const KvType type : kTypesOfKv) {
    for (const size_t positions : {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 100, 127, 128, 129, 200}) {
      for (const size_t head_dim : {0, 1, 3, 4, 8, 12, 16, 20, 32, 33, 64, 80, 96, 128, 160, 256}) {
        const Values values = kValues[(positions + head_dim) % 2];
        KeysAndValues kv(random, values, type, positions, head_dim, head_dim, 1);
        AttendArgs args = kv.Args();
        args.end = 1;
        args.positions = positions;
        const std::string what = "kv " + std::to_string(static_cast<int>(type)) + " positions " +
                                 std::to_string(positions) + " head_dim " + std::to_string(head_dim);
        const auto compare = [&](float scale, float cap) {
          args.scale = scale;
          args.cap = cap;
          Compare(head_dim, "attend " + what + " window " + std::to_string(args.window),
                  [&](const Ops& o, float* y) {
                    AttendArgs mine = args;
                    mine.out = y;
                    o.attend(mine);
                  });
        };
        for (const float scale : {0.125f, 3.0f, -40.0f}) {
          for (const float cap : {0.0f, 5.0f}) compare(scale, cap);
        }
        for (const size_t first : {1, 5, 8, 13, 16, 63, 64, 70, 128, 199}) {
          if (first >= positions) break;
          args.window = positions - first;
          for (const float cap : {0.0f, 5.0f}) compare(0.5f, cap);
        }
        if (HasFatalFailure()) return;
      }
    }
  }
}

// Blocks of many queries, which sets may prepare keys for; heads as wide as they take, and wider.
TEST_F(AttendVariantsTest, OfPromptsEqualsScalar) {
  Random random(kSeed);
  struct Shape {
    size_t head_dim, heads, tokens, positions, window;
  };
  for (const KvType type : kTypesOfKv) {
    for (const Shape shape : {Shape{64, 3, 40, 1, 0}, Shape{64, 1, 130, 31, 0}, Shape{16, 7, 17, 60, 20},
                              Shape{80, 4, 30, 100, 0}, Shape{128, 2, 49, 129, 70}, Shape{256, 4, 24, 40, 0},
                              Shape{272, 1, 20, 70, 0}, Shape{60, 3, 21, 65, 0}}) {
      const size_t stride = shape.heads * shape.head_dim + 3;
      const size_t floats = (shape.tokens - 1) * stride + shape.heads * shape.head_dim;
      KeysAndValues kv(random, Values::kPlain, type, shape.positions + shape.tokens - 1, shape.head_dim,
                       floats, shape.tokens * shape.heads);
      AttendArgs args = kv.Args();
      args.heads = shape.heads;
      args.stride = stride;
      args.positions = shape.positions;
      args.growth = 1;
      args.window = shape.window;
      args.scale = 0.3f;
      args.end = shape.tokens * shape.heads;
      for (const float cap : {0.0f, 5.0f}) {
        args.cap = cap;
        const std::string what = "kv " + std::to_string(static_cast<int>(type)) + " head_dim " +
                                 std::to_string(shape.head_dim) + " tokens " + std::to_string(shape.tokens);
        Compare(floats, "attend prompt, " + what, [&](const Ops& o, float* y) {
          AttendArgs mine = args;
          mine.out = y;
          o.attend(mine);
        });
        if (HasFatalFailure()) return;
      }
    }
  }
}

// The scalar set takes one query after the other: that it is equalled means that no query sees its company.
TEST_F(AttendVariantsTest, OfManyQueriesEqualsScalar) {
  Random random(kSeed);
  for (const KvType type : kTypesOfKv) {
    for (const size_t head_dim : {8, 20, 64, 72}) {
      for (const size_t heads : {1, 3, 4, 7}) {
        for (const size_t tokens : {1, 2, 9}) {
          for (const size_t positions : {1, 50, 130}) {
            for (const size_t growth : {0, 1}) {
              const size_t stride = heads * head_dim + 5;
              const size_t floats = (tokens - 1) * stride + heads * head_dim;
              KeysAndValues kv(random, Values::kPlain, type, positions + (tokens - 1) * growth, head_dim,
                               floats, tokens * heads);
              AttendArgs args = kv.Args();
              args.heads = heads;
              args.stride = stride;
              args.positions = positions;
              args.growth = growth;
              args.scale = 0.5f;
              for (const size_t window : {0, 3, 40}) {
                args.window = window;
                args.cap = window == 40 ? 5.0f : 0.0f;
                // All of them, and a part that begins and ends within a token.
                for (const size_t skipped : {0, 1}) {
                  args.begin = skipped;
                  args.end = tokens * heads - (tokens * heads > 2 ? skipped : 0);
                  const std::string what = "kv " + std::to_string(static_cast<int>(type)) + " head_dim " +
                                           std::to_string(head_dim) + " heads " + std::to_string(heads) +
                                           " tokens " + std::to_string(tokens) + " positions " +
                                           std::to_string(positions) + " window " + std::to_string(window);
                  Compare(floats, "attend " + what, [&](const Ops& o, float* y) {
                    AttendArgs mine = args;
                    mine.out = y;
                    o.attend(mine);
                  });
                  if (HasFatalFailure()) return;
                }
              }
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace linnet::kernels
