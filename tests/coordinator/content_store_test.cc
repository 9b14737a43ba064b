#include "coordinator/content_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "runtime/base/hash.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::coordinator {
namespace {

using ::linnet::testing::IsOk;

// Real files, of which one cannot be read before it is let go.
class SlowFiles final : public base::FileSystem {
 public:
  explicit SlowFiles(std::string slow) : slow_(std::move(slow)) {}
  std::promise<void> reached, go;

  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset, uint64_t size) override {
    if (path == slow_ && offset == 0 && !std::exchange(waited_, true)) {
      reached.set_value();
      go.get_future().wait();
    }
    return real_.ReadAt(path, offset, size);
  }
  absl::StatusOr<std::unique_ptr<base::MappedFile>> Map(const std::string& path) override {
    return real_.Map(path);
  }
  absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) override {
    return real_.ReadFile(path, max_bytes);
  }
  absl::Status WriteFileAtomic(const std::string& path, std::string_view bytes, uint32_t mode) override {
    return real_.WriteFileAtomic(path, bytes, mode);
  }
  absl::StatusOr<std::unique_ptr<base::WritableFile>> OpenForWrite(const std::string& path,
                                                                   uint32_t mode) override {
    return real_.OpenForWrite(path, mode);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return real_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return real_.Remove(path); }
  absl::Status CreateDirectories(const std::string& path, uint32_t mode) override {
    return real_.CreateDirectories(path, mode);
  }
  absl::Status SyncDirectory(const std::string& path) override { return real_.SyncDirectory(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override { return real_.List(path); }
  absl::StatusOr<base::FileInfo> Stat(const std::string& path) override { return real_.Stat(path); }
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override { return real_.FreeBytes(path); }

 private:
  base::FileSystem& real_ = base::FileSystem::Real();
  const std::string slow_;
  bool waited_ = false;  // one thread takes in
};

TEST(ContentStoreTest, DevicesFetchWhileAModelIsTakenIn) {
  const linnet::testing::TempDir dir;
  const std::string model = dir / "model";
  ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(model, std::string(10'000, 'm')), IsOk());
  const auto index = chunks::ChunkIndex::OfFile(base::FileSystem::Real(), model, 4096);
  ASSERT_THAT(index, IsOk());
  SlowFiles files(model);
  const auto store = ContentStore::Open(files, dir.path());
  ASSERT_THAT(store, IsOk());
  ASSERT_THAT((*store)->PutSmall("a plan"), IsOk());
  const std::string plan(base::AsView(base::Sha256("a plan")));

  std::thread import([&] { EXPECT_THAT((*store)->Import(*index, model), IsOk()); });
  files.reached.get_future().wait();
  auto read = std::async(std::launch::async, [&] { return (*store)->Read(plan); });
  EXPECT_EQ(read.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_FALSE((*store)->Has(index->file_sha256).value_or(true));
  files.go.set_value();
  import.join();
  EXPECT_EQ(read.get().value_or(""), "a plan");
  EXPECT_TRUE((*store)->Has(index->file_sha256).value_or(false));
  EXPECT_THAT((*store)->Read(index->chunks[0].sha256), IsOk());
}

}  // namespace
}  // namespace linnet::coordinator
