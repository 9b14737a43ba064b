#include "runtime/engine/engine.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/huge_pages.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/thread_pool.h"
#include "runtime/engine/chat.h"
#include "runtime/engine/kv_slots.h"
#include "runtime/engine/prefix_store.h"
#include "runtime/engine/request_queue.h"
#include "runtime/engine/scheduler.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/model_file.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "runtime/pack/packed_file.h"
#include "runtime/sampler/sampler.h"

namespace linnet::engine {
namespace {

constexpr uint32_t kDefaultContext = 4096;
constexpr uint32_t kMaxPrefillChunk = 512;
constexpr uint32_t kMaxSessions = 64;

struct NamedAdapter {
  std::string name;
  std::unique_ptr<model::LoraAdapter> adapter;
};

// Invariants: (1) only thread_ touches the model, the slots, the scheduler and the constraints; (2) every job
// that Submit accepted gets exactly one OnDone; (3) a slot's tokens are exactly those in its KV.
class LocalEngine final : public Engine {
 public:
  LocalEngine(std::unique_ptr<gguf::ModelFile> file, std::unique_ptr<tokenizer::Tokenizer> tokenizer,
              std::unique_ptr<base::ThreadPool> pool, std::unique_ptr<model::Transformer> model,
              std::vector<NamedAdapter> adapters, std::unique_ptr<PrefixStore> prefixes, ModelInfo info,
              uint32_t max_queued, const Scheduler::Options& options)
      : file_(std::move(file)),
        tokenizer_(std::move(tokenizer)),
        pool_(std::move(pool)),
        model_(std::move(model)),
        adapters_(std::move(adapters)),
        prefixes_(std::move(prefixes)),
        info_(std::move(info)),
        chat_(ChatFormat::Of(*file_, *tokenizer_)),
        slots_(model_->config(), info_.context_tokens, info_.kv, Scheduler::Slots(info_.sessions)),
        queue_(std::max(1u, max_queued)),
        scheduler_(queue_, *model_, *tokenizer_, slots_, prefixes_.get(), options),
        thread_([this] { scheduler_.Serve(); }) {}

  ~LocalEngine() override {
    for (Job& job : queue_.Close()) Scheduler::Refuse(job, FinishReason::kCancelled);
    thread_.join();
  }

  const ModelInfo& info() const override { return info_; }
  const tokenizer::Tokenizer& tokenizer() const override { return *tokenizer_; }

  absl::Status Submit(GenerateRequest request, OnDelta on_delta, OnDone on_done,
                      std::shared_ptr<Cancellation> cancellation) override {
    LINNET_RETURN_IF_ERROR(Check(request));
    LINNET_ASSIGN_OR_RETURN(const model::LoraAdapter* adapter, FindAdapter(request.adapter));
    Job job = {.request = std::move(request),
               .adapter = adapter,
               .on_delta = std::move(on_delta),
               .on_done = std::move(on_done),
               .cancellation = std::move(cancellation),
               .submitted = absl::Now()};
    return queue_.Push(job);
  }

  absl::StatusOr<std::vector<float>> Logits(const std::vector<tokenizer::TokenId>& tokens) override;

  absl::StatusOr<std::vector<tokenizer::TokenId>> RenderConversation(
      const Conversation& conversation) const override {
    LINNET_ASSIGN_OR_RETURN(jinja::ChatInput input, InputOf(conversation));
    LINNET_ASSIGN_OR_RETURN(const std::vector<jinja::Segment> segments, chat_.Render(std::move(input)));
    return chat_.Encode(segments);
  }

 private:
  absl::Status Check(const GenerateRequest& request) const;
  absl::Status CheckPrompt(const std::vector<tokenizer::TokenId>& prompt, uint32_t max_tokens) const;
  absl::Status CheckShift(const GenerateRequest& request) const;
  // Null for the empty name. InvalidArgument when it was not loaded.
  absl::StatusOr<const model::LoraAdapter*> FindAdapter(const std::string& name) const;

  const std::unique_ptr<gguf::ModelFile> file_;
  const std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
  const std::unique_ptr<base::ThreadPool> pool_;
  const std::unique_ptr<model::Transformer> model_;
  const std::vector<NamedAdapter> adapters_;
  const std::unique_ptr<PrefixStore> prefixes_;  // may be null
  const ModelInfo info_;
  const ChatFormat chat_;
  KvSlots slots_;
  RequestQueue queue_;
  Scheduler scheduler_;
  std::thread thread_;  // last: it uses all of the above
};

// Whole UTF-8, without overlong forms and surrogates: what a stop string must be to be cut at.
bool ValidUtf8(std::string_view text) {
  tokenizer::Utf8Stream stream;
  std::string shown = stream.Push(text);
  shown += stream.Finish();
  return shown == text;
}

absl::Status LocalEngine::CheckPrompt(const std::vector<tokenizer::TokenId>& prompt,
                                      uint32_t max_tokens) const {
  if (prompt.empty()) return absl::InvalidArgumentError("the prompt is empty: it needs at least one token");
  for (const tokenizer::TokenId id : prompt) {
    if (id < 0 || id >= tokenizer_->vocabulary_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", id, " is outside the vocabulary of ", tokenizer_->vocabulary_size()));
    }
  }
  const uint64_t wanted = uint64_t{prompt.size()} + max_tokens;
  if (wanted > info_.context_tokens) {
    return absl::OutOfRangeError(absl::StrCat("prompt of ", prompt.size(), " and answer of ", max_tokens,
                                              " tokens exceed the context of ", info_.context_tokens, " by ",
                                              wanted - info_.context_tokens));
  }
  return absl::OkStatus();
}

absl::Status LocalEngine::CheckShift(const GenerateRequest& request) const {
  const uint64_t keep = std::min<uint64_t>(*request.context_shift_keep, request.prompt.size());
  if (keep + 2 <= info_.context_tokens) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("context_shift: keeps ", keep, " tokens of a context of ",
                                                 info_.context_tokens, ", expected at most ",
                                                 info_.context_tokens - 2));
}

absl::StatusOr<const model::LoraAdapter*> LocalEngine::FindAdapter(const std::string& name) const {
  if (name.empty()) return nullptr;
  for (const NamedAdapter& loaded : adapters_) {
    if (loaded.name == name) return loaded.adapter.get();
  }
  return absl::InvalidArgumentError(absl::StrCat("adapter ", gguf::Shown(name), " is not loaded"));
}

absl::Status LocalEngine::Check(const GenerateRequest& request) const {
  if (request.max_tokens == 0) return absl::InvalidArgumentError("max_tokens is 0, expected 1 or more");
  const bool shifts = request.context_shift_keep.has_value();
  LINNET_RETURN_IF_ERROR(CheckPrompt(request.prompt, shifts ? 1 : request.max_tokens));
  if (shifts) LINNET_RETURN_IF_ERROR(CheckShift(request));
  LINNET_RETURN_IF_ERROR(sampler::Validate(request.sampling));
  for (const auto& [id, bias] : request.sampling.logit_bias) {
    if (id < tokenizer_->vocabulary_size()) continue;
    return absl::InvalidArgumentError(absl::StrCat("logit_bias: token ", id, " is outside the vocabulary of ",
                                                   tokenizer_->vocabulary_size()));
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty() || !ValidUtf8(stop)) {
      return absl::InvalidArgumentError("a stop string is empty or no valid UTF-8");
    }
  }
  return absl::OkStatus();
}

// Waits for one answer.
class Waiter {
 public:
  OnDone Done() {
    return [this](absl::StatusOr<GenerateResult> result) {
      base::MutexLock lock(mutex_);
      result_ = std::move(result);
      done_ = true;
      changed_.Signal();
    };
  }
  absl::StatusOr<GenerateResult> Wait() {
    base::MutexLock lock(mutex_);
    while (!done_) changed_.Wait(mutex_);
    return std::move(result_);
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  absl::StatusOr<GenerateResult> result_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::vector<float>> LocalEngine::Logits(const std::vector<tokenizer::TokenId>& tokens) {
  LINNET_RETURN_IF_ERROR(CheckPrompt(tokens, 0));
  std::vector<float> logits;
  Waiter waiter;
  Job job;
  job.request.prompt = tokens;
  job.on_done = waiter.Done();
  job.logits = &logits;
  job.submitted = absl::Now();
  LINNET_RETURN_IF_ERROR(queue_.Push(job));
  LINNET_RETURN_IF_ERROR(waiter.Wait().status());
  if (logits.empty()) return absl::CancelledError("the engine is shutting down");
  return logits;
}

// How many sessions may decode together, at most `wanted`. One needs its context beside the weights; more
// come only where all that may run then (Scheduler::Slots) leave half of the memory to others.
absl::StatusOr<uint32_t> SessionsThatFit(const gguf::ModelFile& file, uint64_t kv_bytes, uint32_t wanted) {
  const uint64_t memory =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (file.size_bytes() + kv_bytes > memory) {
    return absl::ResourceExhaustedError(absl::StrCat(
        file.path(), ": weights of ", file.size_bytes() >> 20, " MiB and context of ", kv_bytes >> 20,
        " MiB exceed this machine's ", memory >> 20, " MiB; ask for a smaller context or a smaller model"));
  }
  uint32_t sessions = wanted;
  while (sessions > 1 && file.size_bytes() + Scheduler::Slots(sessions) * kv_bytes > memory / 2) --sessions;
  return sessions;
}

absl::StatusOr<pack::Residence> ResidenceOf(base::FileSystem& fs, const std::string& path, HugePages wanted) {
  if (wanted == HugePages::kWhereTheyPay) {
    LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(path));
    if (!base::HugePagesPay(info.size_bytes)) wanted = HugePages::kOff;
  }
  return wanted == HugePages::kOff ? pack::Residence::kMapped : pack::Residence::kHugePages;
}

// How many threads are fastest, as kept or measured now; the pool's, where neither can be.
ThreadCounts ChooseThreads(base::FileSystem& fs, const EngineOptions& options, const std::string& path,
                           const char* kernel_set, model::Transformer& model, base::ThreadPool& pool) {
  const ThreadCounts all = {pool.threads(), pool.threads()};
  if (options.threads > 0 || options.thread_file.empty() || pool.threads() == 1) return all;
  const absl::StatusOr<base::Sha256Digest> identity = IdentityOfModel(fs, path);
  if (!identity.ok()) return all;
  ThreadFile file(fs, options.thread_file);
  const std::string key = ThreadFile::KeyOf(*identity, kernel_set, pool.threads());
  const auto fits = [&](int count) { return count >= 1 && count <= pool.threads(); };
  std::optional<ThreadCounts> counts = file.Find(key);
  if (counts.has_value() && fits(counts->decode) && fits(counts->prefill)) return *counts;
  counts = MeasureThreads(model, pool);
  if (!counts.has_value()) return all;  // the next start tries again
  const absl::Status kept = file.Keep(key, *counts);
  if (!kept.ok()) {
    base::Log(base::Severity::kWarning, "thread_counts_not_kept", {{"error", base::LogValue::Error(kept)}});
  }
  return *counts;
}

// Null when there is to be none, or can be none. `identity`: the model's, from before it was opened.
absl::StatusOr<std::unique_ptr<PrefixStore>> OpenPrefixes(base::FileSystem& fs, const EngineOptions& options,
                                                          const std::string& path,
                                                          const base::Sha256Digest& identity,
                                                          const model::KvShape& shape,
                                                          const std::vector<NamedAdapter>& adapters) {
  if (options.prefix_cache.folder.empty() || shape.strips == 0) return nullptr;
  LINNET_ASSIGN_OR_RETURN(const base::Sha256Digest now, IdentityOfModel(fs, path));
  if (now != identity) return nullptr;  // replaced meanwhile: which of the two was loaded is not known
  PrefixStore::Model model = {identity, shape, {}};
  for (const NamedAdapter& loaded : adapters) model.adapters.push_back(loaded.adapter.get());
  return PrefixStore::Open(fs, options.prefix_cache, model);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Load(base::FileSystem& fs, const std::string& path,
                                                     const EngineOptions& options) {
  std::string error;
  const kernels::Variant* kernels = kernels::SelectFromEnvironment(&error);
  if (kernels == nullptr) return absl::UnimplementedError(error);
  base::Sha256Digest identity = {};
  if (!options.prefix_cache.folder.empty()) {
    LINNET_ASSIGN_OR_RETURN(identity, IdentityOfModel(fs, path));
  }
  LINNET_ASSIGN_OR_RETURN(const pack::Residence residence, ResidenceOf(fs, path, options.huge_pages));
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<gguf::ModelFile> file, pack::OpenModel(fs, path, residence));
  // More than four pay only where it was measured that they do.
  const int unasked = std::min(options.thread_file.empty() ? 4 : 8, base::PhysicalCores());
  const int threads = options.threads > 0 ? std::min(options.threads, 64) : unasked;
  auto pool = std::make_unique<base::ThreadPool>(threads);
  Scheduler::Options scheduling = {.sessions = std::clamp(options.max_sessions, 1u, kMaxSessions),
                                   .chunk = std::clamp(options.prefill_chunk, 1u, kMaxPrefillChunk),
                                   .speculate = options.speculate};
  LINNET_ASSIGN_OR_RETURN(
      std::unique_ptr<model::Transformer> model,
      model::Transformer::Create(*file, kernels->ops, *pool, Scheduler::MaxBatch(scheduling)));
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<tokenizer::Tokenizer> tokenizer,
                          tokenizer::Tokenizer::Create(*file));
  std::vector<NamedAdapter> adapters;
  for (const AdapterOptions& wanted : options.adapters) {
    LINNET_ASSIGN_OR_RETURN(const auto adapter_file, gguf::GgufFile::Open(fs, wanted.path));
    LINNET_ASSIGN_OR_RETURN(auto adapter, model::LoraAdapter::Load(*adapter_file, *file, wanted.scale));
    adapters.push_back({wanted.name, std::move(adapter)});
  }
  const model::Config& config = model->config();
  if (tokenizer->vocabulary_size() > static_cast<int64_t>(config.vocabulary)) {
    return absl::DataLossError(absl::StrCat(path, ": the tokenizer has ", tokenizer->vocabulary_size(),
                                            " tokens, token_embd.weight only ", config.vocabulary));
  }

  ModelInfo info;
  info.name = config.name;
  info.architecture = config.architecture;
  info.license = config.license;
  info.path = path;
  info.file_bytes = file->size_bytes();
  info.parameters = model->weights().parameters;
  const uint32_t wanted = options.context_tokens == 0 ? kDefaultContext : options.context_tokens;
  info.context_tokens = std::min(config.context_tokens, wanted);
  info.vocabulary = static_cast<uint32_t>(tokenizer->vocabulary_size());
  info.layers = config.layers;
  info.kernel_set = kernels->name;
  info.kv = options.kv.value_or(model::KvTypeFor(model->weights()));
  scheduling.threads = ChooseThreads(fs, options, path, kernels->name, *model, *pool);
  info.threads = scheduling.threads.prefill;
  info.decode_threads = scheduling.threads.decode;
  const uint64_t kv_bytes = model::KvCache::SizeBytes(config, info.context_tokens, info.kv);
  info.kv_bytes = kv_bytes;
  LINNET_ASSIGN_OR_RETURN(scheduling.sessions, SessionsThatFit(*file, kv_bytes, scheduling.sessions));
  info.sessions = scheduling.sessions;

  LINNET_ASSIGN_OR_RETURN(
      std::unique_ptr<PrefixStore> prefixes,
      OpenPrefixes(fs, options, path, identity, model::KvCache::ShapeOf(config, info.context_tokens, info.kv),
                   adapters));
  info.prefix_cache = prefixes != nullptr;

  base::Log(base::Severity::kDebug, "model_loaded",
            {{"path", base::LogValue::Id(path)},
             {"kernels", base::LogValue::Id(kernels->name)},
             {"threads", info.threads},
             {"decode_threads", info.decode_threads}});
  return std::make_unique<LocalEngine>(std::move(file), std::move(tokenizer), std::move(pool),
                                       std::move(model), std::move(adapters), std::move(prefixes),
                                       std::move(info), options.max_queued, scheduling);
}

absl::StatusOr<GenerateResult> Engine::Generate(GenerateRequest request,
                                                std::shared_ptr<Cancellation> cancellation) {
  Waiter waiter;
  LINNET_RETURN_IF_ERROR(Submit(std::move(request), nullptr, waiter.Done(), std::move(cancellation)));
  return waiter.Wait();
}

}  // namespace linnet::engine
