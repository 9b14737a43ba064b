#ifndef LINNET_RUNTIME_KERNELS_ATTEND_TILES_H_
#define LINNET_RUNTIME_KERNELS_ATTEND_TILES_H_

#include "runtime/kernels/ops.h"

// How the vector sets attend: a block of queries goes through the tiles together, so that a tile of keys and
// values comes from memory once for all of them. What is done to one query, and in which order, is what
// scalar/attend.cc does. `Unit` has the steps of an instruction set; being of an unnamed namespace, it gives
// every function here internal linkage. `Kv` is what rows are made of: float, uint16_t (halves) or int8_t
// (kQ8, whose factors stand behind them).
namespace linnet::kernels {

constexpr size_t kAttendTile = 64;     // absolute positions a softmax tile covers
constexpr size_t kAttendQueries = 16;  // of a block: their weights and results stay in the nearest cache

// Of a unit without a panel.
struct NoPanel {};

// A unit may have, for some Kv, a Panel: keys and values of a tile made ready once for many queries. It has
//   kMostQueries                  of a block then
//   Serves(queries, head_dim)     whether it is worth it
//   Load(k, v, rows, head_dim)    of the tile's first rows; nobody asks for vectors of keys beyond them
//   keys(), values()              what Scores and AddValues take instead of `const Kv*`
template <typename Unit, typename Kv>
struct PanelOf {
  using Type = NoPanel;
  static constexpr size_t kMostQueries = kAttendQueries;
};
template <typename Unit, typename Kv>
  requires requires { Unit::template Panel<Kv>::kMostQueries; }
struct PanelOf<Unit, Kv> {
  using Type = typename Unit::template Panel<Kv>;
  static constexpr size_t kMostQueries = Type::kMostQueries;
};

// Asks the second cache for the rows of the next tile that stand where these do of theirs: where queries are
// few, they wait for memory.
template <typename Kv>
[[gnu::always_inline]] static inline void FetchOfNextTile(const Kv* rows, size_t count, size_t d) {
  // As a number: it may lie beyond the last row, where a prefetch does nothing.
  const auto at = reinterpret_cast<uintptr_t>(rows) + kAttendTile * d * sizeof(Kv);
  for (size_t i = 0; i < count * d * sizeof(Kv); i += 64) {
    __builtin_prefetch(reinterpret_cast<const void*>(at + i), 0, 2);  // NOLINT(performance-no-int-to-ptr)
  }
}

struct AttendQuery {
  const float* q;
  const ActBlock* q8;
  float* out;
  size_t first, positions;  // sees [first, positions)
  float maximum, total;
  size_t from, to;  // the same within the tile
  float* p;         // [kAttendTile]
};

// A tile for up to Unit::kTogether queries.
template <typename Unit, typename Keys, typename Values>
void AttendTogether(const AttendArgs& a, Keys k, Values v, size_t tile, AttendQuery* const* queries,
                    size_t n) {
  size_t least = kAttendTile, most = 0;  // that one of them sees
  size_t from = 0, to = kAttendTile;     // that all of them see
  for (size_t i = 0; i < n; ++i) {
    const AttendQuery& query = *queries[i];
    if (query.from < least) least = query.from;
    if (query.to > most) most = query.to;
    if (query.from > from) from = query.from;
    if (query.to < to) to = query.to;
  }
  if (to < from) to = from;
  Unit::Scores(queries, n, k, least, most, a.head_dim, a.scale);
  for (size_t i = 0; i < n; ++i) {
    AttendQuery& query = *queries[i];
    const bool opening = tile <= query.first;
    if (a.cap != 0.0f) Unit::Cap(query.p, query.from, query.to, a.cap);
    float highest = Unit::Highest(query.p, query.from, query.to);
    if (!opening && !(highest > query.maximum)) highest = query.maximum;
    // exp(0) is 1, and most tiles do not raise the maximum.
    const float rescale = opening                    ? 0.0f
                          : query.maximum == highest ? 1.0f
                                                     : Unit::Exp(query.maximum - highest);
    query.maximum = highest;
    query.total = __builtin_fmaf(query.total, rescale, Unit::Weigh(query.p, query.from, query.to, highest));
    // A factor of 1 changes nothing; what is there before the first tile is zeros.
    if (!opening && rescale != 1.0f) Unit::Scale(query.out, a.head_dim, rescale);
    // Each adds its values in ascending order: what it alone sees before, what all see, what it sees after.
    const size_t before = query.to < from ? query.to : from;
    if (query.from < before) Unit::AddValues(&queries[i], 1, v, query.from, before, a.head_dim);
  }
  if (from < to) Unit::AddValues(queries, n, v, from, to, a.head_dim);
  for (size_t i = 0; i < n; ++i) {
    const size_t after = queries[i]->from > to ? queries[i]->from : to;
    if (after < queries[i]->to) Unit::AddValues(&queries[i], 1, v, after, queries[i]->to, a.head_dim);
  }
}

// A tile for all of these, in groups of about the same size: 9 are 3 + 3 + 3.
template <typename Unit, typename Keys, typename Values>
void AttendGroups(const AttendArgs& a, Keys k, Values v, size_t tile, AttendQuery* const* queries, size_t n) {
  const size_t groups = (n + Unit::kTogether - 1) / Unit::kTogether;
  for (size_t g = 0; g < groups; ++g) {
    const size_t from = n * g / groups, to = n * (g + 1) / groups;
    AttendTogether<Unit>(a, k, v, tile, queries + from, to - from);
  }
}

template <typename Unit, typename Kv>
void AttendBlock(const AttendArgs& a, size_t begin, size_t end) {
  using Panel = typename PanelOf<Unit, Kv>::Type;
  constexpr size_t kMost = PanelOf<Unit, Kv>::kMostQueries;
  AttendQuery queries[kMost];
  alignas(64) float p[kMost][kAttendTile];
  [[maybe_unused]] Panel panel;
  size_t least = ~size_t{0}, most = 0;
  const size_t n = end - begin;
  for (size_t i = 0; i < n; ++i) {
    const size_t token = (begin + i) / a.heads;
    const size_t at = token * a.stride + (begin + i) % a.heads * a.head_dim;
    const size_t positions = a.positions + token * a.growth;
    const size_t first = a.window == 0 || positions <= a.window ? 0 : positions - a.window;
    const bool bytes = a.type == KvType::kQ8;
    queries[i] = {bytes ? nullptr : a.q + at,
                  bytes ? a.q8 + (begin + i) * KvBlocks(a.head_dim) : nullptr,
                  a.out + at,
                  first,
                  positions,
                  0.0f,
                  0.0f,
                  0,
                  0,
                  p[i]};
    for (size_t c = 0; c < a.head_dim; ++c) a.out[at + c] = 0.0f;
    if (first < least) least = first;
    if (positions > most) most = positions;
  }
  for (size_t tile = least / kAttendTile * kAttendTile; tile < most; tile += kAttendTile) {
    AttendQuery* seeing[kMost];
    size_t count = 0;
    for (size_t i = 0; i < n; ++i) {
      AttendQuery& query = queries[i];
      if (query.positions <= tile || query.first >= tile + kAttendTile) continue;
      query.from = query.first > tile ? query.first - tile : 0;
      query.to = query.positions - tile < kAttendTile ? query.positions - tile : kAttendTile;
      seeing[count++] = &query;
    }
    const size_t row = KvRowBytes(a.type, a.head_dim) / sizeof(Kv);
    const Kv* k = static_cast<const Kv*>(a.k) + tile * row;
    const Kv* v = static_cast<const Kv*>(a.v) + tile * row;
    if constexpr (!__is_same(Panel, NoPanel)) {
      if (Panel::Serves(count, a.head_dim)) {
        panel.Load(k, v, most - tile < kAttendTile ? most - tile : kAttendTile, a.head_dim);
        AttendGroups<Unit>(a, panel.keys(), panel.values(), tile, seeing, count);
        continue;
      }
    }
    AttendGroups<Unit>(a, k, v, tile, seeing, count);
  }
  for (size_t i = 0; i < n; ++i) {
    if (queries[i].positions != 0) Unit::Scale(queries[i].out, a.head_dim, 1.0f / queries[i].total);
  }
}

template <typename Unit, typename Kv>
void AttendBlocks(const AttendArgs& a) {
  constexpr size_t kMost = PanelOf<Unit, Kv>::kMostQueries;
  for (size_t begin = a.begin; begin < a.end; begin += kMost) {
    const size_t end = a.end - begin < kMost ? a.end : begin + kMost;
    AttendBlock<Unit, Kv>(a, begin, end);
  }
}

template <typename Unit>
void AttendInTiles(const AttendArgs& a) {
  switch (a.type) {
    case KvType::kF32:
      return AttendBlocks<Unit, float>(a);
    case KvType::kF16:
      return AttendBlocks<Unit, uint16_t>(a);
    case KvType::kQ8:
      return AttendBlocks<Unit, int8_t>(a);
  }
}

// For units with kQ8: the key of a group that stands for j, which may be outside of [from, to).
static inline size_t AttendedNear(size_t j, size_t from, size_t to) {
  return j < from ? from : j < to ? j : to - 1;
}

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_ATTEND_TILES_H_
