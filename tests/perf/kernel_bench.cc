#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/kernels/fetch_ahead.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"
#include "runtime/tools/int8_peak.h"
#include "runtime/tools/read_loops.h"

// How near the products of packed matrices, and of floats and halves in rows, come to what the machine can:
// to its read bandwidth with few tokens, packed ones to its int8 products with many. One thread. Every run
// measures everything once, so that a busy neighbour disturbs all alike; what is printed are medians over the
// runs, shares too.
namespace linnet::perf {
namespace {

using kernels::ActBlock;
using kernels::ActBlock256;
using kernels::TileFormat;
using kernels::Variant;
using kernels::WeightTypeInfo;

constexpr std::string_view kUsage =
    R"(kernel_bench [--sets A,B] [--types Q4_0,F16] [--tokens 1,4,8,64,256] [--rows 1536] [--cols 576]
             [--stream-mib 256] [--ms 30] [--repeats 0] [--runs 5] [--unasked]
             [--json]
  --stream-mib  weights that are read one after the other with up to 8 tokens, so that no cache holds them
  --ms          time of a measurement; --repeats N: N products instead (for counting instructions)
  --unasked     products of one token, or two, ask for no weights ahead (runtime/kernels/fetch_ahead.h)
)";

struct Options {
  std::vector<std::string> sets, types;
  std::vector<size_t> tokens = {1, 4, 8, 64, 256};
  size_t rows = 1536, cols = 576, stream_mib = 256, ms = 30, repeats = 0, runs = 5;
  bool unasked = false, json = false;
};

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return parts;
}

bool ToNumber(std::string_view text, size_t* value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), *value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

bool Parse(int argc, char** argv, Options* options) {
  const std::map<std::string_view, size_t*> numbers = {
      {"--rows", &options->rows}, {"--cols", &options->cols},       {"--stream-mib", &options->stream_mib},
      {"--ms", &options->ms},     {"--repeats", &options->repeats}, {"--runs", &options->runs}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--json" || name == "--unasked") {
      (name == "--json" ? options->json : options->unasked) = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const std::string_view value = argv[++i];
    if (const auto number = numbers.find(name); number != numbers.end()) {
      if (!ToNumber(value, number->second)) return false;
    } else if (name == "--sets") {
      options->sets = Split(value);
    } else if (name == "--types") {
      options->types = Split(value);
    } else if (name == "--tokens") {
      options->tokens.clear();
      for (const std::string& part : Split(value)) {
        options->tokens.push_back(0);
        if (!ToNumber(part, &options->tokens.back())) return false;
      }
    } else {
      return false;
    }
  }
  return options->rows > 0 && options->cols > 0 && options->cols % kernels::kBlock == 0 && options->runs > 0;
}

template <typename T>
double Median(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// How a matrix lies in memory: as tiles or, without a format, in rows of floats or halves.
struct Layout {
  const WeightTypeInfo* type;
  const TileFormat* tiles;

  // Whole blocks.
  size_t Cols(size_t at_least) const {
    return tiles == nullptr ? at_least : (at_least + tiles->block - 1) / tiles->block * tiles->block;
  }
  size_t Bytes(size_t rows, size_t cols) const {
    return tiles == nullptr ? rows * cols * type->block_bytes : TiledBytes(*tiles, rows, cols);
  }
  // Of so many weights, without the rows that fill a tile up.
  double BytesOf(double weights, size_t cols) const {
    if (tiles == nullptr) return weights * type->block_bytes;
    return static_cast<double>(TileBytes(*tiles, cols)) / static_cast<double>(kernels::kTileRows * cols) *
           weights;
  }
};

std::vector<Layout> Layouts() {
  std::vector<Layout> all;
  for (const WeightTypeInfo& info : kernels::kWeightTypes) {
    const TileFormat* tiles = kernels::FindTileFormat(info.type);
    if (tiles != nullptr || info.activation == kernels::Activation::kFloats) all.push_back({&info, tiles});
  }
  return all;
}

// Bytes at a multiple of 64, in a range in which floats and halves are of a moderate size wherever they
// stand.
class Weights {
 public:
  explicit Weights(size_t size) : size_(size), storage_(new uint8_t[size + kernels::kTileAlign]) {
    const auto address = reinterpret_cast<uintptr_t>(storage_.get());
    data_ = storage_.get() + (kernels::kTileAlign - address % kernels::kTileAlign);
    uint32_t state = 20260301;
    for (size_t i = 0; i < size; ++i)
      data_[i] = static_cast<uint8_t>(((state = state * 1664525u + 1013904223u) >> 24 & 0x1f) | 0x20);
  }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  std::unique_ptr<uint8_t[]> storage_;
  uint8_t* data_;
};

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options), weights_(std::max(options.stream_mib << 20, LargestMatrix())) {
    size_t most = 1;
    for (const size_t tokens : options.tokens) most = std::max(most, tokens);
    constexpr size_t kBlock256 = kernels::kBlock256;
    x_.resize(most * ((options.cols + kBlock256 - 1) / kBlock256 * kBlock256));  // Cols of any layout
    for (size_t i = 0; i < x_.size(); ++i)
      x_[i] = static_cast<float>(i * 2654435761u % 4096) / 2048.0f - 1.0f;
    y_.resize(most * options.rows);
  }

  // Bytes a second of reading alone, the better way.
  double ReadBandwidth() {
    const auto* words = reinterpret_cast<const uint64_t*>(weights_.data());
    double best = 0;
    for (const tools::ReadLoop read : tools::ReadLoops()) {
      best = std::max(best, Rate([&](size_t) {
                        sink_ = sink_ + read(words, weights_.size() / sizeof(uint64_t));
                        return static_cast<double>(weights_.size());
                      }));
    }
    return best;
  }

  double Int8Peak(const Variant& variant) {
    constexpr uint64_t kRounds = 100000;
    for (const tools::Int8Loop& loop : tools::Int8Loops()) {
      if (loop.name != variant.name) continue;
      return Rate([&](size_t) {
        sink_ = sink_ + static_cast<uint32_t>(loop.run(kRounds));
        return static_cast<double>(loop.operations) * kRounds;
      });
    }
    return 0;
  }

  // Weights a second, each with every token.
  double Product(const Variant& variant, const Layout& layout, size_t tokens) {
    const size_t cols = layout.Cols(options_.cols), bytes = layout.Bytes(options_.rows, cols);
    const size_t matrices = tokens > 8 ? 1 : std::max<size_t>(1, (options_.stream_mib << 20) / bytes);
    std::vector<ActBlock> act(tokens * cols / kernels::kBlock);
    std::vector<ActBlock256> act256(tokens * cols / kernels::kBlock256);
    variant.ops.quantize(x_.data(), act.data(), act.size());
    variant.ops.quantize_256(x_.data(), act256.data(), act256.size());
    const void* input = layout.tiles == nullptr                  ? static_cast<const void*>(x_.data())
                        : layout.tiles->block == kernels::kBlock ? static_cast<const void*>(act.data())
                                                                 : act256.data();
    const kernels::MatMulTable& table =
        layout.tiles == nullptr ? variant.ops.matmul : variant.ops.tile_matmul;
    return Rate([&](size_t /*i*/) {
      // On from where the last measurement ended: what that left in a cache is not read.
      table[layout.type->type](weights_.data() + ++matrix_ % matrices * bytes, input, y_.data(),
                               options_.rows, cols, tokens, options_.rows);
      return static_cast<double>(options_.rows * cols);
    });
  }

 private:
  size_t LargestMatrix() const {
    size_t largest = 0;
    for (const Layout& layout : Layouts()) {
      largest = std::max(largest, layout.Bytes(options_.rows, layout.Cols(options_.cols)));
    }
    return largest;
  }

  // What run(0), run(1), ... return, in a second of this thread's own time: others may use the machine, too.
  // Asked for seldom, since that takes as long as a small product.
  double Rate(const std::function<double(size_t)>& run) const {
    const double begin = ThreadSeconds(), enough = static_cast<double>(options_.ms) / 1000;
    double done = 0, passed = 0;
    size_t i = 0, at_once = std::max<size_t>(options_.repeats, 1);
    do {
      for (const size_t next = i + at_once; i < next; ++i) done += run(i);
      passed = ThreadSeconds() - begin;
      if (passed * 32 < enough) at_once *= 2;
    } while (options_.repeats == 0 && passed < enough);
    return done / passed;
  }

  static double ThreadSeconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }

  const Options& options_;
  Weights weights_;
  std::vector<float> x_, y_;
  size_t matrix_ = 0;
  volatile uint64_t sink_ = 0;
};

struct Line {
  const Variant* variant;
  Layout layout;
  size_t tokens;
  std::vector<double> gbytes, share_of_bandwidth, gops, share_of_peak;
};

bool Chosen(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<Line> Lines(const Options& options) {
  std::vector<Line> lines;
  for (const Layout& layout : Layouts()) {
    if (!Chosen(options.types, layout.type->name)) continue;
    for (const size_t tokens : options.tokens) {
      for (const Variant& variant : kernels::Variants()) {
        const bool scalar = std::string_view(variant.name) == "scalar";
        if (!Supported(variant) || !Chosen(options.sets, variant.name) || (scalar && options.sets.empty()))
          continue;
        lines.push_back({.variant = &variant, .layout = layout, .tokens = tokens});
      }
    }
  }
  return lines;
}

void Print(const Options& options, const std::vector<Line>& lines, double bandwidth,
           const std::map<const Variant*, std::vector<double>>& peaks) {
  if (options.json) {
    std::printf("{\"rows\":%zu,\"cols\":%zu,\"runs\":%zu,\"read_gb_per_s\":%.2f,\"lines\":[", options.rows,
                options.cols, options.runs, bandwidth / 1e9);
  } else {
    std::printf("%zu x %zu, one thread, medians of %zu runs; reads %.1f GB/s; int8 peak in GOPS:",
                options.rows, options.cols, options.runs, bandwidth / 1e9);
    for (const auto& [variant, rates] : peaks) std::printf(" %s %.0f", variant->name, Median(rates) / 1e9);
    std::printf("\n%-8s %-12s %6s %8s %10s %8s %8s\n", "type", "set", "tokens", "GB/s", "of reads", "GOPS",
                "of peak");
  }
  for (const Line& line : lines) {
    const std::string type(line.layout.type->name);
    std::printf(
        options.json
            ? "%s{\"type\":\"%s\",\"set\":\"%s\",\"tokens\":%zu,\"gb_per_s\":%.2f,\"share_of_reads\":%.3f,"
              "\"gops\":%.1f,\"share_of_peak\":%.3f}"
            : "%s%-8s %-12s %6zu %8.2f %9.0f%% %8.1f %7.0f%%\n",
        options.json && &line != lines.data() ? "," : "", type.c_str(), line.variant->name, line.tokens,
        Median(line.gbytes), Median(line.share_of_bandwidth) * (options.json ? 1 : 100), Median(line.gops),
        Median(line.share_of_peak) * (options.json ? 1 : 100));
  }
  if (options.json) std::printf("]}\n");
}

int Main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, &options)) {
    std::cerr << kUsage;
    return 2;
  }
  std::vector<Line> lines = Lines(options);
  if (lines.empty()) {
    std::cerr << "kernel_bench: no set and type of these names on this CPU\n";
    return 2;
  }
  if (options.unasked) kernels::SetFetchAhead(kernels::FetchAhead::kByProcessor);
  Bench bench(options);
  std::vector<double> bandwidths;
  std::map<const Variant*, std::vector<double>> peaks;
  for (size_t run = 0; run < options.runs; ++run) {
    bandwidths.push_back(bench.ReadBandwidth());
    for (const Variant& variant : kernels::Variants()) {
      if (std::any_of(lines.begin(), lines.end(), [&](const Line& l) { return l.variant == &variant; }))
        peaks[&variant].push_back(bench.Int8Peak(variant));
    }
    for (Line& line : lines) {
      const double weights = bench.Product(*line.variant, line.layout, line.tokens);
      const double bytes = line.layout.BytesOf(weights, line.layout.Cols(options.cols));
      const double operations = 2.0 * static_cast<double>(line.tokens) * weights;
      // There is no peak of floats to compare with.
      const double peak = line.layout.tiles == nullptr ? 0 : peaks[line.variant].back();
      line.gbytes.push_back(bytes / 1e9);
      line.share_of_bandwidth.push_back(bytes / bandwidths.back());
      line.gops.push_back(operations / 1e9);
      line.share_of_peak.push_back(peak > 0 ? operations / peak : 0);
    }
  }
  Print(options, lines, Median(bandwidths), peaks);
  return 0;
}

}  // namespace
}  // namespace linnet::perf

int main(int argc, char** argv) { return linnet::perf::Main(argc, argv); }
