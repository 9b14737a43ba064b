#include "runtime/tools/roofline.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/thread_pool.h"
#include "runtime/model/config.h"
#include "runtime/model/kv_cache.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tools/int8_peak.h"
#include "runtime/tools/read_loops.h"

namespace linnet::tools {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Larger than the last cache of any CPU that we measure on.
constexpr uint64_t kBufferBytes = uint64_t{512} << 20;
constexpr uint64_t kLeastBufferBytes = uint64_t{8} << 20;
constexpr int kPasses = 5;
// Some 30 ms of a slow core; a pass should outlast the start of the threads.
constexpr uint64_t kRounds = 1 << 21;

// Memory in large pages where the system has them: what the bus gives, not what address translation leaves.
class Buffer {
 public:
  explicit Buffer(uint64_t bytes) : bytes_(bytes) {
    void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return;
    data_ = static_cast<uint64_t*>(data);
    madvise(data, bytes, MADV_HUGEPAGE);
    // A page that was never written may be a view of the one zero page, which a cache holds.
    std::memset(data, 1, bytes);
  }
  ~Buffer() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const uint64_t* words() const { return data_; }
  uint64_t size() const { return bytes_ / sizeof(uint64_t); }

 private:
  uint64_t bytes_;
  uint64_t* data_ = nullptr;
};

// Units per second of the fastest of some passes; `pass` does `units`.
template <typename Pass>
double Best(double units, const Pass& pass) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kPasses; ++i) {
    const auto start = SteadyClock::now();
    pass();
    least = std::min(least, std::chrono::duration<double>(SteadyClock::now() - start).count());
  }
  return units / least;
}

// 2D tensors, and what else is read for each token.
bool IsMatrix(const gguf::TensorInfo& tensor) { return tensor.shape.size() > 1 && tensor.shape[1] > 1; }

}  // namespace

absl::StatusOr<Machine> MeasureMachine(int threads) {
  const uint64_t free = static_cast<uint64_t>(std::max(sysconf(_SC_AVPHYS_PAGES), 0L)) *
                        static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t bytes = std::min(kBufferBytes, free / 2) / 4096 * 4096;
  Machine machine;
  machine.buffer_bytes = bytes;
  if (bytes < kLeastBufferBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("--roofline: the system has ", free >> 20,
                                                     " MiB free, and measuring needs ",
                                                     2 * kLeastBufferBytes >> 20));
  }
  const Buffer buffer(bytes);
  if (buffer.words() == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("--roofline: the system does not give ", bytes >> 20, " MiB"));
  }
  const Int8Loop loop = Int8Loops().front();
  machine.int8_instructions = loop.name;
  // Results go somewhere, else they need not be computed.
  std::atomic<uint64_t> sink = 0;
  for (int t = 1; t <= threads; ++t) {
    base::ThreadPool pool(t);
    MachinePeak& peak = machine.peaks.emplace_back();
    peak.threads = t;
    for (const ReadLoop read : ReadLoops()) {
      const double rate = Best(static_cast<double>(bytes), [&] {
        pool.Run(buffer.size(), 64, [&](size_t begin, size_t end) {
          sink.fetch_add(read(buffer.words() + begin, end - begin), std::memory_order_relaxed);
        });
      });
      peak.read_bytes_per_second = std::max(peak.read_bytes_per_second, rate);
    }
    const double operations = static_cast<double>(loop.operations) * static_cast<double>(kRounds) * t;
    peak.int8_operations_per_second = Best(operations, [&] {
      pool.Run(static_cast<size_t>(t), 1, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
          sink.fetch_add(static_cast<uint32_t>(loop.run(kRounds)), std::memory_order_relaxed);
        }
      });
    });
  }
  return machine;
}

absl::StatusOr<ModelCost> CostOf(base::FileSystem& fs, const std::string& path, model::KvType kv,
                                 uint32_t first, uint32_t tokens) {
  LINNET_ASSIGN_OR_RETURN(const auto file, pack::OpenModel(fs, path));
  LINNET_ASSIGN_OR_RETURN(const model::Config config, model::ReadConfig(*file));
  const bool tied = file->FindTensor("output.weight") == nullptr;
  ModelCost cost;
  for (const gguf::TensorInfo& tensor : file->tensors()) {
    uint64_t elements = 1;
    for (const uint64_t n : tensor.shape) elements *= n;
    const bool one_row =
        (tensor.name == "token_embd.weight" && !tied) || tensor.name == "position_embd.weight";
    if (tensor.name == (tied ? "token_embd.weight" : "output.weight")) cost.head_bytes = tensor.data.size();
    cost.weight_bytes += one_row ? tensor.data.size() / (elements / tensor.shape[0]) : tensor.data.size();
    if (IsMatrix(tensor) && tensor.name.starts_with("blk.")) cost.prefill_operations += 2 * elements;
  }

  // By the cache's own arithmetic: what a position takes in all layers that have one.
  constexpr uint32_t kSome = 64;
  const uint64_t per_position =
      (model::KvCache::SizeBytes(config, 2 * kSome, kv) - model::KvCache::SizeBytes(config, kSome, kv)) /
      kSome;
  const uint64_t states = model::KvCache::SizeBytes(config, kSome, kv) - kSome * per_position;
  const auto attends = [](const model::LayerPlan& layer) { return layer.mixer == model::Mixer::kAttention; };
  const auto layers = static_cast<uint64_t>(std::count_if(config.plan.begin(), config.plan.end(), attends));
  uint64_t seen = 0;  // positions, of all layers and tokens
  for (const model::LayerPlan& layer : config.plan) {
    if (!attends(layer)) continue;
    for (uint64_t at = first; at < uint64_t{first} + tokens; ++at) {
      seen += layer.window == 0 ? at + 1 : std::min<uint64_t>(at + 1, layer.window);
    }
  }
  cost.kv_bytes = states;
  if (layers > 0 && tokens > 0) cost.kv_bytes += per_position / layers * (seen / tokens);
  return cost;
}

}  // namespace linnet::tools
