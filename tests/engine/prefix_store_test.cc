#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kv_types.h"
#include "tests/engine/engine_fixture.h"
#include "tests/support/faulty_files.h"
#include "tests/support/lora_adapter.h"
#include "tests/support/tiny_families.h"

// Prompts whose keys and values are kept in a folder: what a restart costs, and that nothing wrong gets in.
namespace linnet::engine {
namespace {

using ::linnet::testing::FaultyFiles;

constexpr uint32_t kLeast = 32;  // tokens

// `n` letters that depend on `seed`; one token each.
std::string Letters(size_t n, uint32_t seed) {
  std::string text;
  for (size_t i = 0; i < n; ++i) {
    seed = seed * 1664525 + 1013904223;
    text.push_back(static_cast<char>('a' + (seed >> 24) % 26));
  }
  return text;
}

class PrefixStoreTest : public EngineFixture, public ::testing::WithParamInterface<kernels::KvType> {
 protected:
  EngineOptions Options(kernels::KvType kv = kernels::KvType::kF32) const {
    EngineOptions options;
    options.threads = 1;
    options.kv = kv;
    options.prefix_cache = {.folder = store_, .max_bytes = 1 << 20, .min_tokens = kLeast};
    return options;
  }
  // What a program does that starts, answers once, and ends (which waits for its write).
  GenerateResult Answer(const std::string& prompt, const EngineOptions& options,
                        base::FileSystem& fs = base::FileSystem::Real(), const std::string& adapter = "") {
    auto engine = Engine::Load(fs, path_, options);
    EXPECT_TRUE(engine.ok()) << engine.status();
    if (!engine.ok()) return {};
    GenerateRequest request = Request(prompt, 8);
    request.adapter = adapter;
    auto result = (*engine)->Generate(std::move(request));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(GenerateResult());
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const std::string& name : base::FileSystem::Real().List(store_).value_or(std::vector<std::string>()))
      names.push_back(store_ + "/" + name);
    return names;
  }
  std::string OnlyFile() const {
    const std::vector<std::string> files = Files();
    EXPECT_EQ(files.size(), 1U);
    return files.empty() ? "" : files[0];
  }
  static std::string Read(const std::string& path) {
    return base::FileSystem::Real().ReadFile(path, 1 << 24).value_or("");
  }
  static void Write(const std::string& path, std::string_view bytes) {
    ASSERT_TRUE(base::FileSystem::Real().WriteFileAtomic(path, bytes).ok());
  }

  const std::string store_ = folder_ / "prefixes";
  const std::string prompt_ = Letters(150, 1);
};

TEST_P(PrefixStoreTest, ARestartEvaluatesTheTailAlone) {
  EngineOptions without = Options(GetParam());
  without.prefix_cache.folder.clear();
  const GenerateResult cold = Answer(prompt_, without);
  const GenerateResult first = Answer(prompt_, Options(GetParam()));
  const GenerateResult second = Answer(prompt_, Options(GetParam()));
  EXPECT_EQ(first.prefix_tokens_from_store, 0U);
  EXPECT_EQ(first.evaluated_tokens, cold.evaluated_tokens);
  EXPECT_EQ(second.prefix_tokens_from_store, 149U);
  EXPECT_EQ(second.evaluated_tokens, cold.evaluated_tokens - 149);
  EXPECT_EQ(first.ids, cold.ids);
  EXPECT_EQ(second.ids, cold.ids);
}

TEST_P(PrefixStoreTest, LogitsAreTheSameBitsWhereverAPromptLeavesTheStoredOne) {
  EngineOptions without = Options(GetParam());
  without.prefix_cache.folder.clear();
  Answer(prompt_, Options(GetParam()));
  const auto plain = Load(without);
  for (const size_t shared : {40U, 63U, 64U, 65U, 128U, 149U}) {
    SCOPED_TRACE(shared);
    const auto stored = Load(Options(GetParam()));
    const GenerateRequest request = Request(prompt_.substr(0, shared) + "*" + Letters(20, 9), 1);
    ASSERT_OK_AND_ASSIGN(const std::vector<float> expected, plain->Logits(request.prompt));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> logits, stored->Logits(request.prompt));
    EXPECT_EQ(logits, expected);
    ASSERT_OK_AND_ASSIGN(const GenerateResult answer,
                         Load(Options(GetParam()))->Generate(Request(prompt_.substr(0, shared) + "*", 1)));
    EXPECT_EQ(answer.prefix_tokens_from_store, shared);
  }
}

INSTANTIATE_TEST_SUITE_P(Kv, PrefixStoreTest,
                         ::testing::Values(kernels::KvType::kF32, kernels::KvType::kF16,
                                           kernels::KvType::kQ8),
                         [](const auto& param_info) {
                           return std::string(kernels::NameOf(param_info.param));
                         });

class PrefixFilesTest : public PrefixStoreTest {
 protected:
  // Nothing of a changed file is used, and it is replaced.
  void ExpectNoChangedByteIsUsed(const EngineOptions& options) {
    const GenerateResult cold = Answer(prompt_, options);
    const std::string path = OnlyFile();
    const std::string whole = Read(path);
    // Every byte of the header, then pieces of what follows and of the three blocks.
    std::vector<size_t> places;
    for (size_t i = 0; i < 88; ++i) places.push_back(i);
    for (size_t i = 88; i < whole.size(); i += i < 1000 ? 61 : 20011) places.push_back(i);
    places.push_back(whole.size() - 1);
    for (const size_t at : places) {
      SCOPED_TRACE(at);
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 0x10);
      for (const std::string& file : Files()) ASSERT_TRUE(base::FileSystem::Real().Remove(file).ok());
      Write(path, changed);
      const GenerateResult answer = Answer(prompt_, options);
      EXPECT_EQ(answer.ids, cold.ids);
      EXPECT_LT(answer.prefix_tokens_from_store, 149U);
      // What was damaged is gone, and a whole one is there again.
      EXPECT_EQ(Answer(prompt_, options).prefix_tokens_from_store, 149U);
    }
  }
};

TEST_F(PrefixFilesTest, AnotherModelNeverUsesIt) {
  Answer(prompt_, Options());
  linnet::testing::WriteTinyModel(path_, {.seed = 2});
  EXPECT_EQ(Answer(prompt_, Options()).prefix_tokens_from_store, 0U);
  EXPECT_EQ(Files().size(), 2U);
}

TEST_F(PrefixFilesTest, AnotherKvTypeOrContextNeverUsesIt) {
  Answer(prompt_, Options());
  EXPECT_EQ(Answer(prompt_, Options(kernels::KvType::kF16)).prefix_tokens_from_store, 0U);
  EXPECT_EQ(Answer(prompt_, Options(kernels::KvType::kQ8)).prefix_tokens_from_store, 0U);
  EngineOptions shorter = Options();
  shorter.context_tokens = 200;
  EXPECT_EQ(Answer(prompt_, shorter).prefix_tokens_from_store, 0U);
  EXPECT_EQ(Answer(prompt_, Options()).prefix_tokens_from_store, 149U);
}

TEST_F(PrefixFilesTest, AnotherAdapterOrScaleNeverUsesIt) {
  EngineOptions options = Options();
  {
    ASSERT_OK_AND_ASSIGN(const auto base, gguf::GgufFile::Open(base::FileSystem::Real(), path_));
    Write(folder_ / "a.gguf",
          linnet::testing::AdapterBytes({.tensors = {{"blk.0.attn_q.weight", 2}}, .seed = 1}, *base));
    Write(folder_ / "b.gguf",
          linnet::testing::AdapterBytes({.tensors = {{"blk.0.attn_q.weight", 2}}, .seed = 2}, *base));
  }
  options.adapters = {
      {"a", folder_ / "a.gguf", 1.0F}, {"b", folder_ / "b.gguf", 1.0F}, {"half", folder_ / "a.gguf", 0.5F}};
  auto& fs = base::FileSystem::Real();
  Answer(prompt_, options);
  EXPECT_EQ(Answer(prompt_, options, fs, "a").prefix_tokens_from_store, 0U);
  EXPECT_EQ(Answer(prompt_, options, fs, "b").prefix_tokens_from_store, 0U);
  EXPECT_EQ(Answer(prompt_, options, fs, "half").prefix_tokens_from_store, 0U);
  options.adapters = {{"by another name", folder_ / "a.gguf", 1.0F}};
  EXPECT_EQ(Answer(prompt_, options, fs, "by another name").prefix_tokens_from_store, 149U);
  EXPECT_EQ(Answer(prompt_, options).prefix_tokens_from_store, 149U);
}

TEST_F(PrefixFilesTest, AChangedByteAnywhereIsNeverUsed) { ExpectNoChangedByteIsUsed(Options()); }

TEST_F(PrefixFilesTest, ATruncatedOrForeignFileIsIgnoredAndDeleted) {
  const GenerateResult cold = Answer(prompt_, Options());
  const std::string path = OnlyFile();
  const std::string whole = Read(path);
  for (const std::string& bytes :
       {std::string(), whole.substr(0, 87), whole.substr(0, 88), whole.substr(0, 700),
        whole.substr(0, whole.size() - 1), whole + "x", std::string(5000, '\xff')}) {
    SCOPED_TRACE(bytes.size());
    Write(path, bytes);
    {
      const auto engine = Load(Options());
    }
    EXPECT_TRUE(Files().empty());
    Write(path, bytes);
    EXPECT_EQ(Answer(prompt_, Options()).ids, cold.ids);
  }
}

TEST_F(PrefixFilesTest, FilesOfOtherNamesAreNotTouched) {
  std::filesystem::create_directory(store_);
  Write(store_ + "/letter.txt", "dear");
  Write(store_ + "/notes.kvprefix", "dear");
  Answer(prompt_, Options());
  EXPECT_EQ(Read(store_ + "/letter.txt"), "dear");
  EXPECT_EQ(Read(store_ + "/notes.kvprefix"), "dear");
}

TEST_F(PrefixFilesTest, AFullDiskLosesNothing) {
  const GenerateResult cold = Answer(prompt_, Options());
  const std::string kept = OnlyFile();
  const std::string other = Letters(150, 2);
  for (int n = 0; n < 12; ++n) {
    SCOPED_TRACE(n);
    FaultyFiles files;
    files.FailAfter(n, absl::ResourceExhaustedError("no space left"));
    EXPECT_EQ(Answer(other, Options(), files).prompt_tokens, 150U);
    EXPECT_TRUE(std::filesystem::exists(kept));
    if (!files.failed()) break;
    ASSERT_LT(n, 11) << "the write never came to its end";
    {
      const auto engine = Load(Options());
    }
    for (const std::string& file : Files()) EXPECT_TRUE(file.ends_with(".kvprefix")) << file;
  }
  EXPECT_EQ(Answer(prompt_, Options()).prefix_tokens_from_store, 149U);
}

TEST_F(PrefixFilesTest, LeavesOthersRoomOnTheDisk) {
  FaultyFiles files;
  files.SetFreeBytes(1000);
  Answer(prompt_, Options(), files);
  EXPECT_TRUE(Files().empty());
}

TEST_F(PrefixFilesTest, TheLeastRecentlyUsedGoesFirst) {
  const std::string second = Letters(150, 2);
  Answer(prompt_, Options());
  const std::string first_file = OnlyFile();
  EngineOptions two = Options();
  two.prefix_cache.max_bytes = std::filesystem::file_size(first_file) * 5 / 2;
  Answer(second, two);
  for (const std::string& file : Files()) {  // the second is the older one now, if nobody asks for the first
    const auto now = std::filesystem::file_time_type::clock::now();
    std::filesystem::last_write_time(file, now - std::chrono::hours(file == first_file ? 3 : 2));
  }
  EXPECT_EQ(Answer(prompt_, two).prefix_tokens_from_store, 149U);
  Answer(Letters(150, 3), two);
  EXPECT_EQ(Files().size(), 2U);
  EXPECT_EQ(Answer(second, two).prefix_tokens_from_store, 0U);
}

// What marks a prefix as used is written later, not on the way to the first token.
TEST_F(PrefixFilesTest, NoAnswerWaitsForAWrite) {
  Answer(prompt_, Options());
  FaultyFiles files;
  absl::Notification answered;
  std::atomic<int> writes = 0, early = 0;
  files.BeforeWrites([&] {
    ++writes;
    if (!answered.WaitForNotificationWithTimeout(absl::Seconds(20))) ++early;
  });
  auto engine = Engine::Load(files, path_, Options());
  ASSERT_TRUE(engine.ok()) << engine.status();
  const auto result = (*engine)->Generate(Request(prompt_, 8));
  answered.Notify();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->prefix_tokens_from_store, 149U);
  engine->reset();
  EXPECT_EQ(writes, 1);
  EXPECT_EQ(early, 0);
}

TEST_F(PrefixFilesTest, APromptOverTheCapIsStoredInPart) {
  Answer(prompt_, Options());
  EngineOptions small = Options();
  small.prefix_cache.max_bytes = std::filesystem::file_size(OnlyFile()) - 1;
  EXPECT_EQ(Answer(prompt_, small).prefix_tokens_from_store, 0U);  // and the first file is gone
  EXPECT_EQ(Answer(prompt_, small).prefix_tokens_from_store, 85U);
  EXPECT_LE(std::filesystem::file_size(OnlyFile()), small.prefix_cache.max_bytes);
}

TEST_F(PrefixFilesTest, StoresWhatIsNewOnlyWhenItIsSeenTwice) {
  Answer(prompt_, Options());
  const std::string longer = prompt_ + Letters(60, 5);
  {
    const auto engine = Load(Options());
    ASSERT_TRUE(engine->Generate(Request(longer, 4)).ok());
  }
  EXPECT_EQ(Answer(longer, Options()).prefix_tokens_from_store, 149U);
  {
    const auto engine = Load(Options());
    ASSERT_TRUE(engine->Generate(Request(longer, 4)).ok());
    ASSERT_TRUE(engine->Generate(Request(longer + "and so on", 4)).ok());
  }
  EXPECT_EQ(Files().size(), 1U);  // the shorter one is a part of it
  EXPECT_EQ(Answer(longer + "but", Options()).prefix_tokens_from_store, 209U);
}

TEST_F(PrefixFilesTest, NeverStoresShortPromptsOrAnswers) {
  Answer(Letters(kLeast, 1), Options());
  EXPECT_TRUE(Files().empty());
  Answer(prompt_, Options());
  EXPECT_EQ(Read(OnlyFile()).substr(12, 4), std::string("\x95\0\0\0", 4));  // 149 tokens: the prompt's
}

TEST_F(PrefixFilesTest, IsForTheOwnersEyes) {
  umask(0022);
  Answer(prompt_, Options());
  struct stat info = {};
  ASSERT_EQ(stat(store_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  ASSERT_EQ(stat(OnlyFile().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(PrefixFilesTest, AFolderThatIsAFileIsRefused) {
  Write(store_, "x");
  const auto engine = Engine::Load(base::FileSystem::Real(), path_, Options());
  EXPECT_EQ(engine.status().code(), absl::StatusCode::kAlreadyExists) << engine.status();
}

TEST_F(PrefixFilesTest, ModelsThatKeepAStateAreLeftOut) {
  Write(path_, linnet::testing::TinyFamilyBytes(linnet::testing::TinyFamilyNamed("lfm2")));
  const auto engine = Load(Options());
  EXPECT_FALSE(engine->info().prefix_cache);
  ASSERT_TRUE(engine->Generate(Request(prompt_, 4)).ok());
  EXPECT_FALSE(std::filesystem::exists(store_));
}

// Files under a key, as agents keep them.
class SealedPrefixTest : public PrefixFilesTest {
 protected:
  EngineOptions Sealed(char key = 'k', kernels::KvType kv = kernels::KvType::kF32) const {
    EngineOptions options = Options(kv);
    options.prefix_cache.seal_key = std::string(32, key);
    return options;
  }
};

TEST_F(SealedPrefixTest, ARestartEvaluatesTheTailAlone) {
  for (const kernels::KvType kv : {kernels::KvType::kF32, kernels::KvType::kF16, kernels::KvType::kQ8}) {
    EngineOptions without = Options(kv);
    without.prefix_cache.folder.clear();
    const GenerateResult cold = Answer(prompt_, without);
    EXPECT_EQ(Answer(prompt_, Sealed('k', kv)).prefix_tokens_from_store, 0U);
    const GenerateResult second = Answer(prompt_, Sealed('k', kv));
    EXPECT_EQ(second.prefix_tokens_from_store, 149U);
    EXPECT_EQ(second.ids, cold.ids);
    const GenerateResult part = Answer(prompt_.substr(0, 70) + "*", Sealed('k', kv));
    EXPECT_EQ(part.prefix_tokens_from_store, 70U);
    for (const std::string& file : Files()) ASSERT_TRUE(base::FileSystem::Real().Remove(file).ok());
  }
}

TEST_F(SealedPrefixTest, NothingOfThePromptLiesOpen) {
  Answer(prompt_, Options());
  const std::string open_name = OnlyFile();
  const std::string open = Read(open_name);
  const std::string ids = open.substr(88, 16), keys = open.substr(open.size() - 64);
  ASSERT_TRUE(base::FileSystem::Real().Remove(open_name).ok());
  Answer(prompt_, Sealed());
  const std::string sealed = Read(OnlyFile());
  EXPECT_EQ(sealed.find(ids), std::string::npos);
  EXPECT_EQ(sealed.find(keys), std::string::npos);
  // Nor does the name say which text it is, to who guesses it.
  EXPECT_NE(OnlyFile(), open_name);
  const std::string name = OnlyFile();
  Answer(prompt_, Sealed('x'));
  EXPECT_NE(OnlyFile(), name);
}

TEST_F(SealedPrefixTest, AnotherKeyOrNoneNeverOpensIt) {
  const GenerateResult cold = Answer(prompt_, Sealed());
  const std::string sealed = Read(OnlyFile());
  for (const EngineOptions& options : {Sealed('x'), Options()}) {
    const GenerateResult answer = Answer(prompt_, options);
    EXPECT_EQ(answer.prefix_tokens_from_store, 0U);
    EXPECT_EQ(answer.ids, cold.ids);
    EXPECT_NE(Read(OnlyFile()), sealed);  // what no key opens is of no use to anybody
  }
}

TEST_F(SealedPrefixTest, AChangedByteAnywhereIsNeverUsed) { ExpectNoChangedByteIsUsed(Sealed()); }

TEST_F(SealedPrefixTest, ABlockOpensNowhereElse) {
  const GenerateResult cold = Answer(prompt_, Sealed());
  const std::string path = OnlyFile();
  const std::string first = Read(path);
  ASSERT_TRUE(base::FileSystem::Real().Remove(path).ok());
  Answer(prompt_, Sealed());  // the same prompt and key, sealed anew
  const std::string second = Read(path);
  ASSERT_EQ(first.size(), second.size());
  const size_t head = 88 + 12 + 149 * 4 + 16;
  const size_t block = (first.size() - head - 3 * 28) / 149 * 64 + 28;
  const auto use = [&](const std::string& bytes) {
    for (const std::string& file : Files()) ASSERT_TRUE(base::FileSystem::Real().Remove(file).ok());
    Write(path, bytes);
    const GenerateResult answer = Answer(prompt_, Sealed());
    EXPECT_EQ(answer.ids, cold.ids);
    EXPECT_EQ(answer.prefix_tokens_from_store, 0U);
  };
  use(first.substr(0, head) + second.substr(head));  // the other file's blocks
  use(first.substr(0, head) + first.substr(head + block, block) + first.substr(head, block) +
      first.substr(head + 2 * block));  // in another order
}

}  // namespace
}  // namespace linnet::engine
