#ifndef LINNET_TESTS_SUPPORT_SIM_DISK_H_
#define LINNET_TESTS_SUPPORT_SIM_DISK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/file_system.h"

namespace linnet::testing {

// What is asked of a disk; bits, so that a fault may be of several kinds. kDb...: by SQLite.
enum DiskOp : uint32_t {
  kOpenFile = 1u << 0,
  kReadFile = 1u << 1,
  kMapFile = 1u << 2,
  kWriteFile = 1u << 3,
  kResizeFile = 1u << 4,
  kSyncFile = 1u << 5,
  kReserveRoom = 1u << 6,
  kRenameFile = 1u << 7,
  kRemoveFile = 1u << 8,
  kMakeFolder = 1u << 9,
  kSyncFolder = 1u << 10,
  kListFolder = 1u << 11,
  kStatFile = 1u << 12,
  kAskRoom = 1u << 13,
  kDbOpen = 1u << 16,
  kDbRead = 1u << 17,
  kDbWrite = 1u << 18,
  kDbResize = 1u << 19,
  kDbSync = 1u << 20,
  kDbRemove = 1u << 21,
  kDbAccess = 1u << 22,
  kDbStat = 1u << 23,
  kDbLock = 1u << 24,
  kDbShared = 1u << 25,  // the memory that connections share beside a write-ahead log
  kOtherStep = 1u << 31,
};
inline constexpr uint32_t kEveryOp = 0xffffffffu;

// The `after`-th (0: the first) of `ops` fails with the system's error; `for_good`: all that follow, too.
struct DiskFault {
  uint32_t ops = 0;
  int error = 0;
  bool half = false;  // of a write, half of the bytes arrive first
  bool for_good = false;
  int after = 0;
};

// What a power cut leaves of that which nobody had synced.
enum class Unsynced : uint8_t {
  kLost,
  kKept,
  kTorn,  // some sectors of 512 bytes, some resizes; the first few of the changes of names
};

struct SimLocks;  // of a database (sim_vfs.cc)

struct SimInode {
  struct Change {
    uint64_t offset = 0;  // of `data`; a resize: the size
    std::string data;
    bool resize = false;
  };
  bool folder = false;
  std::string bytes;             // as everybody sees it
  std::string durable;           // as a power cut leaves it at least
  std::vector<Change> unsynced;  // from `durable` to `bytes`, in order
  bool unreadable = false;       // by ReadFile and ReadAt, until something is written to it
  std::shared_ptr<SimLocks> locks;
};

// A disk in memory, with files (a base::FileSystem) and SQLite's default VFS on it, for as long as it lives;
// one at a time. One count runs over both. What was not synced is lost when the power is cut: bytes without
// fsync of their file, names (of new files, of folders, renames, removals) without fsync of their folder.
// Its files make WriteFileAtomic and CreateDirectories of the same steps as the real ones. Thread-safe.
class SimDisk {
 public:
  using Inode = std::shared_ptr<SimInode>;

  // `root`, with all above it, is there and stays.
  explicit SimDisk(std::string root);
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  base::FileSystem& files() { return *files_; }
  const std::string& root() const { return root_; }

  // Power. So many changes (writes, resizes, fsyncs, new and removed names, renames, other steps) still
  // happen; in the middle of the next the power goes, and everything fails until PowerOn. `on_cut` is called
  // then, under the disk's lock.
  void CutPowerAfter(int changes, std::function<void()> on_cut = nullptr);
  bool powered() const;
  // No file may be open.
  void PowerOn(Unsynced what, uint64_t seed = 0);
  int changes() const;  // since it was made, or ResetCounts
  void ResetCounts();
  // Something else that counts as one change: a child that runs for a while. False: the power went.
  bool Step();

  // Faults: one at a time.
  void SetFault(const DiskFault& fault);
  void Repair();
  bool failed() const;  // the last fault that was set has been met

  // All that it holds, synced or not. Load leaves it without power.
  struct NameChange {
    std::string from, to;  // no `from`: new; no `to`: removed; both: renamed
    Inode inode;
  };
  struct Image {
    std::map<std::string, Inode> names, durable;
    std::vector<NameChange> unsynced;
  };
  Image Save() const;
  void Load(const Image& image);
  // Takes in a real folder with all in it, under the same names, synced.
  void Import(const std::string& folder);

  // For its files and its VFS, which hold `mutex`.
  struct Verdict {
    int error = 0;  // errno
    bool cut = false;
    bool half = false;
    bool happens() const { return error == 0 || cut; }
  };
  Verdict Ask(DiskOp op, bool change);
  Inode Find(const std::string& path) const;
  bool HasFolder(const std::string& path) const;
  void AddName(const std::string& path, const Inode& inode);
  void RemoveName(const std::string& path);
  void Rename(const std::string& from, const std::string& to);
  void SyncNames(const std::string& folder);
  static void Write(SimInode& inode, uint64_t offset, std::string_view data);
  static void Resize(SimInode& inode, uint64_t size);
  static void Sync(SimInode& inode);
  std::vector<std::string> NamesIn(const std::string& folder) const;
  uint64_t epoch() const { return epoch_; }  // grows with each PowerOn and Load
  mutable std::mutex mutex;
  int open_databases = 0;

 private:
  static void Apply(std::map<std::string, Inode>& names, const NameChange& change);
  static Image Copy(const Image& image);
  static void Settle(SimInode& inode, Unsynced what, std::mt19937_64& random);

  const std::string root_;
  Image now_;
  bool powered_ = true;
  int cut_after_ = -1;  // never
  std::function<void()> on_cut_;
  int changes_ = 0;
  DiskFault fault_;
  int matched_ = 0;
  bool failed_ = false;
  uint64_t epoch_ = 0;
  std::unique_ptr<base::FileSystem> files_;
  std::shared_ptr<void> vfs_;
};

// Its two sides.
std::unique_ptr<base::FileSystem> MakeSimFiles(SimDisk& disk);
std::shared_ptr<void> RegisterSimVfs(SimDisk& disk);  // until it is destroyed

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_SIM_DISK_H_
