#include "runtime/engine/prefix_store.h"

#include <algorithm>
#include <new>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"

namespace linnet::engine {

using tokenizer::TokenId;

namespace {

constexpr std::string_view kEnding = ".kvprefix";
constexpr size_t kNameDigits = 16;  // of the key, then of the tokens
// Reading a position costs about a fiftieth of evaluating it, so a file must add more than that.
constexpr size_t kLeastGain = 16;

bool AllHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The name of one of our files. Nothing else in the folder is ours to delete.
bool IsOurs(std::string_view name) {
  return name.size() == 2 * kNameDigits + 1 + kEnding.size() && name.ends_with(kEnding) &&
         name[kNameDigits] == '-' && AllHex(name.substr(0, kNameDigits)) &&
         AllHex(name.substr(kNameDigits + 1, kNameDigits));
}

// Left by a program that died while it wrote, on a disk without files that have no name.
bool IsLeftOver(std::string_view name) {
  const size_t end = name.find(".tmp-");
  return end != std::string_view::npos && IsOurs(name.substr(0, end));
}

size_t Alike(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

void Note(const absl::Status& status) {
  if (status.ok()) return;
  base::Log(base::Severity::kDebug, "prefix_cache", {{"error", base::LogValue::Error(status)}});
}

}  // namespace

PrefixStore::PrefixStore(base::FileSystem& fs, const PrefixCacheOptions& options, const Model& model)
    : fs_(fs), options_(options), files_(fs, options.seal_key), shape_(model.shape) {
  keys_.emplace_back(nullptr, PrefixKeyOf(model.identity, shape_, nullptr));
  for (const model::LoraAdapter* adapter : model.adapters) {
    keys_.emplace_back(adapter, PrefixKeyOf(model.identity, shape_, adapter));
  }
}

std::string PrefixStore::NameOf(const PrefixHead& head) const {
  const auto digits = [](const base::Sha256Digest& of) {
    return base::Hex(base::AsView(of)).substr(0, kNameDigits);
  };
  return absl::StrCat(digits(head.key), "-", digits(files_.NameOf(head.tokens)), std::string(kEnding));
}

const PrefixKey& PrefixStore::KeyOf(const KvSlot& slot) const {
  const auto at = std::find_if(keys_.begin(), keys_.end(),
                               [&](const auto& entry) { return entry.first == slot.adapter; });
  LINNET_CHECK(at != keys_.end());
  return at->second;
}

absl::StatusOr<std::unique_ptr<PrefixStore>> PrefixStore::Open(base::FileSystem& fs,
                                                               const PrefixCacheOptions& options,
                                                               const Model& model) {
  LINNET_RETURN_IF_ERROR(fs.CreateDirectories(options.folder, 0700));
  std::unique_ptr<PrefixStore> store(new PrefixStore(fs, options, model));
  LINNET_RETURN_IF_ERROR(store->Scan());
  store->Evict(nullptr);  // the cap may be smaller than it was
  store->writer_ = std::thread([raw = store.get()] { raw->Write(); });
  return store;
}

PrefixStore::~PrefixStore() {
  {
    base::MutexLock lock(mutex_);
    closed_ = true;
  }
  changed_.SignalAll();
  if (writer_.joinable()) writer_.join();
}

absl::Status PrefixStore::Scan() {
  LINNET_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs_.List(options_.folder));
  std::vector<std::tuple<int64_t, std::string, EntryPtr>> found;
  for (const std::string& name : names) {
    if (IsLeftOver(name)) Note(fs_.Remove(PathOf(name)));
    if (!IsOurs(name)) continue;
    const absl::StatusOr<base::FileInfo> info = fs_.Stat(PathOf(name));
    if (!info.ok() || info->is_directory) continue;
    absl::StatusOr<PrefixHead> head = files_.ReadHead(PathOf(name));
    if (head.ok() && NameOf(*head) == name) {
      found.emplace_back(info->modified_ns, name,
                         std::make_shared<const Entry>(Entry{name, *std::move(head)}));
    } else {
      Note(head.status());
      Note(fs_.Remove(PathOf(name)));
    }
  }
  std::sort(found.begin(), found.end());
  base::MutexLock lock(mutex_);
  for (auto& [modified, name, entry] : found) entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

std::pair<PrefixStore::EntryPtr, size_t> PrefixStore::Longest(const PrefixKey& key,
                                                              std::span<const TokenId> tokens) const {
  std::pair<EntryPtr, size_t> best = {nullptr, 0};
  for (const EntryPtr& entry : entries_) {
    if (entry->head.key != key) continue;
    const size_t alike = Alike(entry->head.tokens, tokens);
    if (alike > best.second) best = {entry, alike};
  }
  return best;
}

uint32_t PrefixStore::Fill(std::span<const TokenId> prompt, KvSlot& slot) {
  const std::span<const TokenId> wanted =
      prompt.first(std::min<size_t>(prompt.size() - 1, slot.kv->capacity()));
  EntryPtr entry;
  size_t shared = 0;
  {
    base::MutexLock lock(mutex_);
    std::tie(entry, shared) = Longest(KeyOf(slot), wanted);
  }
  const uint32_t had = slot.kv->size();
  if (entry == nullptr || shared < had + kLeastGain + shared / 50) return 0;
  const PrefixHead& head = entry->head;
  const std::string path = PathOf(entry->name);
  absl::Status status;
  while (slot.kv->size() < shared) {
    const uint32_t first = slot.kv->size();
    const uint32_t block = first / kPrefixBlock;
    const auto bytes = files_.ReadBlock(path, head, block);
    status = bytes.status();
    if (!status.ok()) break;
    const uint32_t end =
        std::min(static_cast<uint32_t>(shared), block * kPrefixBlock + head.positions(block));
    CopyBlockIn(*bytes, head, block, first, end, *slot.kv);
    slot.kv->Grow(end - first);
  }
  Note(status);
  slot.tokens.assign(wanted.begin(), wanted.begin() + slot.kv->size());
  status.ok() ? Touch(entry) : Drop(entry);
  return slot.kv->size() - had;
}

void PrefixStore::Touch(const EntryPtr& entry) {
  {
    base::MutexLock lock(mutex_);
    const auto at = std::find(entries_.begin(), entries_.end(), entry);
    if (at == entries_.end()) return;
    std::rotate(at, at + 1, entries_.end());
    std::erase(touched_, entry);
    touched_.push_back(entry);
  }
  changed_.SignalAll();
}

// The order after a restart is that of the files' times: its first byte written again sets one.
void PrefixStore::TouchFile(const Entry& entry) const {
  const std::string path = PathOf(entry.name);
  const absl::StatusOr<std::string> first = fs_.ReadAt(path, 0, 1);
  if (!first.ok()) return;
  auto file = fs_.OpenForWrite(path);
  Note(file.ok() ? (*file)->WriteAt(0, base::AsBytes(*first)) : file.status());
}

void PrefixStore::Drop(const EntryPtr& entry) {
  {
    base::MutexLock lock(mutex_);
    std::erase(entries_, entry);
    std::erase(touched_, entry);  // or its file might be made anew
  }
  Note(fs_.Remove(PathOf(entry->name)));
}

void PrefixStore::Offer(std::span<const TokenId> prompt, KvSlot& slot) {
  prompt = prompt.first(std::min<size_t>(prompt.size() - 1, slot.kv->capacity()));
  const size_t again = slot.adapter == last_adapter_ ? Alike(last_prompt_, prompt) : 0;
  last_adapter_ = slot.adapter;
  last_prompt_.assign(prompt.begin(), prompt.end());
  // What was forgotten to make room is not there.
  size_t tokens = Alike(slot.tokens, prompt);
  base::MutexLock lock(mutex_);
  if (writing_ || waiting_.has_value()) return;
  size_t stored = Longest(KeyOf(slot), prompt).second;
  if (stored < options_.min_tokens) {
    stored = 0;
  } else {
    tokens = std::min(tokens, again);
  }
  while (tokens > 0 && files_.FileBytes(tokens, shape_.strips, shape_.row_bytes) > options_.max_bytes)
    tokens -= std::min<size_t>(tokens, kPrefixBlock);
  if (tokens < stored + options_.min_tokens) return;
  waiting_ = CopyOf(slot, tokens);
  changed_.SignalAll();
}

std::optional<PrefixStore::Copy> PrefixStore::CopyOf(KvSlot& slot, size_t tokens) const {
  Copy copy;
  copy.head = {KeyOf(slot),
               shape_.strips,
               shape_.row_bytes,
               {slot.tokens.begin(), slot.tokens.begin() + static_cast<std::ptrdiff_t>(tokens)},
               {},
               {}};
  const size_t position_bytes = size_t{shape_.strips} * shape_.row_bytes;
  copy.size = tokens * position_bytes;
  copy.bytes.reset(new (std::nothrow) std::byte[copy.size]);
  if (copy.bytes == nullptr) return std::nullopt;  // memory is short: not the moment for a cache
  for (uint32_t block = 0; block * kPrefixBlock < tokens; ++block) {
    const size_t size = copy.head.positions(block) * position_bytes;
    CopyBlockOut(*slot.kv, copy.head, block,
                 {copy.bytes.get() + block * kPrefixBlock * position_bytes, size});
  }
  return copy;
}

void PrefixStore::Write() {
  for (;;) {
    std::vector<EntryPtr> touched;
    std::optional<Copy> copy;
    {
      base::MutexLock lock(mutex_);
      writing_ = false;
      while (!waiting_.has_value() && touched_.empty() && !closed_) changed_.Wait(mutex_);
      if (!waiting_.has_value() && touched_.empty()) return;
      touched.swap(touched_);
      copy.swap(waiting_);
      writing_ = copy.has_value();
    }
    for (const EntryPtr& entry : touched) TouchFile(*entry);
    if (copy.has_value()) WriteOne(*std::move(copy));
  }
}

void PrefixStore::WriteOne(Copy copy) {
  const std::string name = NameOf(copy.head);
  // A cache leaves others room on the disk.
  const absl::StatusOr<uint64_t> free = fs_.FreeBytes(options_.folder);
  if (free.ok() && *free / 2 < copy.size) return;
  const absl::Status status = files_.Write(PathOf(name), copy.head, {copy.bytes.get(), copy.size});
  if (!status.ok()) {
    Note(status);
    return;
  }
  const auto entry = std::make_shared<const Entry>(Entry{name, std::move(copy.head)});
  {
    base::MutexLock lock(mutex_);
    entries_.push_back(entry);
  }
  // After it is there, so that a full disk takes nothing away: for that moment the folder has one file more.
  Evict(entry);
}

void PrefixStore::Evict(const EntryPtr& written) {
  const auto superseded = [&](const PrefixHead& head) {
    return written != nullptr && head.key == written->head.key &&
           Alike(head.tokens, written->head.tokens) == head.tokens.size();
  };
  std::vector<EntryPtr> gone;
  {
    base::MutexLock lock(mutex_);
    std::vector<EntryPtr> kept;
    uint64_t total = 0;
    for (auto at = entries_.rbegin(); at != entries_.rend(); ++at) {  // the newest first: what fits stays
      const PrefixHead& head = (*at)->head;
      const bool stays =
          *at == written || (!superseded(head) && total + FileBytes(head) <= options_.max_bytes);
      if (stays) total += FileBytes(head);
      (stays ? kept : gone).push_back(*at);
    }
    std::reverse(kept.begin(), kept.end());
    entries_ = std::move(kept);
  }
  for (const EntryPtr& entry : gone) {
    if (written == nullptr || entry->name != written->name) Note(fs_.Remove(PathOf(entry->name)));
  }
}

}  // namespace linnet::engine
