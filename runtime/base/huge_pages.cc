#include "runtime/base/huge_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <span>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/posix_status.h"

namespace linnet::base {
namespace {

constexpr uint64_t kHugePage = uint64_t{2} << 20;
// Below, all of the tables' entries stay in the processor.
constexpr uint64_t kLeastBytes = uint64_t{16} << 20;
constexpr uint64_t kMemoryTimes = 4;

// Anonymous memory that begins at a huge page.
class HugeMemory final : public MappedFile {
 public:
  explicit HugeMemory(size_t size) : size_(size) {
    mapped_ = size + kHugePage;
    start_ =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start_ == MAP_FAILED) return;
    const auto at = reinterpret_cast<uintptr_t>(start_);
    data_ = static_cast<std::byte*>(start_) + ((at + kHugePage - 1) / kHugePage * kHugePage - at);
    madvise(data_, size_, MADV_HUGEPAGE);  // or small pages it is
  }
  ~HugeMemory() override {
    if (start_ != MAP_FAILED) munmap(start_, mapped_);
  }
  bool is_there() const { return start_ != MAP_FAILED; }
  std::byte* data() { return data_; }
  // From now on nobody writes.
  void Protect() { mprotect(start_, mapped_, PROT_READ); }
  std::span<const std::byte> bytes() const override { return {data_, size_}; }

 private:
  size_t size_, mapped_ = 0;
  void* start_ = MAP_FAILED;
  std::byte* data_ = nullptr;
};

// The number behind "MemAvailable:", in bytes; 0 when there is none.
uint64_t AvailableMemory() {
  std::ifstream lines("/proc/meminfo");
  for (std::string name; lines >> name;) {
    uint64_t kib = 0;
    if (name == "MemAvailable:" && lines >> kib) return kib << 10;
    lines.ignore(1024, '\n');
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MappedFile>> ReadIntoHugePages(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return ErrnoStatus(errno, "open", path);
  const absl::Cleanup close_it = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file; name a file, not a folder or a device"));
  }
  const auto size = static_cast<size_t>(info.st_size);
  auto memory = std::make_unique<HugeMemory>(size);
  if (!memory->is_there()) return ErrnoStatus(errno, "take memory for", path);
  for (size_t done = 0; done < size;) {
    const ssize_t n = pread(fd, memory->data() + done, size - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "read", path);
    if (n == 0) {
      return absl::DataLossError(absl::StrCat(path, ": ends at byte ", done, ", expected ", size));
    }
    done += static_cast<size_t>(n);
  }
  memory->Protect();
  return memory;
}

bool HugePagesPay(uint64_t size_bytes) {
  if (size_bytes < kLeastBytes || AvailableMemory() / kMemoryTimes < size_bytes) return false;
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string words;  // the chosen one in brackets
  return std::getline(file, words) && words.find("[never]") == std::string::npos;
}

}  // namespace linnet::base
