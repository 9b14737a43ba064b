// SQLite on a simulated disk. Locks and shared memory are those of one process, as long as it lives; what the
// system's VFS does to survive a power cut (a new journal's folder is synced with it) is done here, too.
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "runtime/base/posix_status.h"
#include "tests/support/sim_disk.h"

namespace linnet::testing {

struct Handle {
  SimDisk* disk = nullptr;
  SimDisk::Inode inode;
  std::string path;
  uint64_t epoch = 0;
  bool new_journal = false;  // its name is not synced yet
  int lock = SQLITE_LOCK_NONE;
  bool shares_memory = false;
  uint32_t shared = 0;  // slots of the shared memory
};

struct SimLocks {
  int readers = 0;
  const Handle* reserved = nullptr;
  const Handle* pending = nullptr;
  std::vector<std::unique_ptr<std::string>> regions;
  int users = 0;
  std::array<int, SQLITE_SHM_NLOCK> slot_readers = {};
  std::array<const Handle*, SQLITE_SHM_NLOCK> slot_writer = {};
};

namespace {

struct File {
  sqlite3_file base;
  Handle* handle;
};

Handle& Of(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->handle; }

SimLocks& LocksOf(const Handle& handle) {
  if (handle.inode->locks == nullptr) handle.inode->locks = std::make_shared<SimLocks>();
  return *handle.inode->locks;
}

class SimVfs {
 public:
  explicit SimVfs(SimDisk& disk) : disk_(disk), real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.iVersion = 1;
    vfs_.zName = "linnet-sim";
    vfs_.pAppData = this;
    vfs_.pNext = nullptr;
    vfs_.szOsFile = static_cast<int>(sizeof(File));
    vfs_.xOpen = &Open;
    vfs_.xDelete = &Delete;
    vfs_.xAccess = &Access;
    vfs_.xFullPathname = &FullPathname;
    vfs_.xGetLastError = &LastError;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~SimVfs() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }
  SimVfs(const SimVfs&) = delete;
  SimVfs& operator=(const SimVfs&) = delete;

 private:
  static SimVfs& Self(sqlite3_vfs* vfs) { return *static_cast<SimVfs*>(vfs->pAppData); }
  // `code`, and the errno that SQLite asks for next.
  static int Failed(const SimDisk::Verdict& verdict, int code) {
    last_error_ = verdict.error;
    return code;
  }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    SimDisk& disk = Self(vfs).disk_;
    file->pMethods = nullptr;
    const std::lock_guard lock(disk.mutex);
    SimDisk::Inode inode = name == nullptr ? std::make_shared<SimInode>() : disk.Find(name);
    const bool creates = inode == nullptr;
    const SimDisk::Verdict verdict = disk.Ask(kDbOpen, creates && (flags & SQLITE_OPEN_CREATE) != 0);
    if (creates && verdict.happens()) {
      if ((flags & SQLITE_OPEN_CREATE) == 0 || !disk.HasFolder(base::ParentFolder(name))) {
        return Failed({.error = ENOENT}, SQLITE_CANTOPEN);
      }
      inode = std::make_shared<SimInode>();
      disk.AddName(name, inode);
    }
    if (verdict.error != 0) return Failed(verdict, SQLITE_CANTOPEN);
    const bool journal = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    reinterpret_cast<File*>(file)->handle = new Handle{.disk = &disk,
                                                       .inode = std::move(inode),
                                                       .path = name == nullptr ? "" : name,
                                                       .epoch = disk.epoch(),
                                                       .new_journal = creates && journal};
    file->pMethods = Methods();
    ++disk.open_databases;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    SimDisk& disk = Self(vfs).disk_;
    const std::lock_guard lock(disk.mutex);
    const bool there = disk.Find(name) != nullptr;
    SimDisk::Verdict verdict = disk.Ask(kDbRemove, there);
    if (verdict.happens() && !there) return Failed({.error = ENOENT}, SQLITE_IOERR_DELETE_NOENT);
    if (verdict.happens()) disk.RemoveName(name);
    if (verdict.error != 0) return Failed(verdict, SQLITE_IOERR_DELETE);
    if (sync_folder == 0) return SQLITE_OK;
    verdict = disk.Ask(kDbSync, true);
    if (verdict.error != 0) return Failed(verdict, SQLITE_IOERR_DIR_FSYNC);
    disk.SyncNames(base::ParentFolder(name));
    return SQLITE_OK;
  }

  static int Access(sqlite3_vfs* vfs, const char* name, int, int* out) {
    SimDisk& disk = Self(vfs).disk_;
    const std::lock_guard lock(disk.mutex);
    const SimDisk::Verdict verdict = disk.Ask(kDbAccess, false);
    if (verdict.error != 0) return Failed(verdict, SQLITE_IOERR_ACCESS);
    const SimDisk::Inode inode = disk.Find(name);
    *out = inode != nullptr ? 1 : 0;
    return SQLITE_OK;
  }

  static int FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
    if (std::strlen(name) >= static_cast<size_t>(size)) return SQLITE_CANTOPEN;
    std::strcpy(out, name);  // absolute already
    return SQLITE_OK;
  }

  static int LastError(sqlite3_vfs*, int, char*) { return last_error_; }

  static SimDisk::Verdict Ask(const Handle& handle, DiskOp op, bool change = false) {
    if (handle.epoch != handle.disk->epoch()) return {.error = EBADF};
    return handle.disk->Ask(op, change);
  }

  static int Close(sqlite3_file* file) {
    Handle* handle = &Of(file);
    Unlock(file, SQLITE_LOCK_NONE);
    ShmUnmap(file, 0);
    const std::lock_guard lock(handle->disk->mutex);
    --handle->disk->open_databases;
    std::unique_ptr<Handle>(handle).reset();
    return SQLITE_OK;
  }

  static int Read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    const Handle& handle = Of(file);
    const std::lock_guard lock(handle.disk->mutex);
    const SimDisk::Verdict verdict = Ask(handle, kDbRead);
    if (verdict.error != 0) return Failed(verdict, SQLITE_IOERR_READ);
    const std::string& bytes = handle.inode->bytes;
    const size_t at = std::min(bytes.size(), static_cast<size_t>(offset));
    const size_t has = std::min(bytes.size() - at, static_cast<size_t>(size));
    std::memcpy(to, bytes.data() + at, has);
    std::memset(static_cast<char*>(to) + has, 0, static_cast<size_t>(size) - has);
    return has == static_cast<size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }

  static int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    const Handle& handle = Of(file);
    const std::lock_guard lock(handle.disk->mutex);
    const SimDisk::Verdict verdict = Ask(handle, kDbWrite, true);
    const std::string_view bytes(static_cast<const char*>(data), static_cast<size_t>(size));
    const auto at = static_cast<uint64_t>(offset);
    if (verdict.happens()) SimDisk::Write(*handle.inode, at, bytes);
    if (verdict.half) SimDisk::Write(*handle.inode, at, bytes.substr(0, bytes.size() / 2));
    if (verdict.error == 0) return SQLITE_OK;
    return Failed(verdict, verdict.error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
  }

  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    const Handle& handle = Of(file);
    const std::lock_guard lock(handle.disk->mutex);
    const SimDisk::Verdict verdict = Ask(handle, kDbResize, true);
    if (verdict.happens()) SimDisk::Resize(*handle.inode, static_cast<uint64_t>(size));
    return verdict.error == 0 ? SQLITE_OK : Failed(verdict, SQLITE_IOERR_TRUNCATE);
  }

  static int Sync(sqlite3_file* file, int) {
    Handle& handle = Of(file);
    const std::lock_guard lock(handle.disk->mutex);
    SimDisk::Verdict verdict = Ask(handle, kDbSync, true);
    if (verdict.error != 0) return Failed(verdict, SQLITE_IOERR_FSYNC);
    SimDisk::Sync(*handle.inode);
    if (!handle.new_journal) return SQLITE_OK;
    verdict = Ask(handle, kDbSync, true);
    if (verdict.error != 0) return Failed(verdict, SQLITE_IOERR_DIR_FSYNC);
    handle.disk->SyncNames(base::ParentFolder(handle.path));
    handle.new_journal = false;
    return SQLITE_OK;
  }

  static int FileSize(sqlite3_file* file, sqlite3_int64* size) {
    const Handle& handle = Of(file);
    const std::lock_guard lock(handle.disk->mutex);
    const SimDisk::Verdict verdict = Ask(handle, kDbStat);
    if (verdict.error != 0) return Failed(verdict, SQLITE_IOERR_FSTAT);
    *size = static_cast<sqlite3_int64>(handle.inode->bytes.size());
    return SQLITE_OK;
  }

  static int Lock(sqlite3_file* file, int level) {
    Handle& handle = Of(file);
    const std::lock_guard lock(handle.disk->mutex);
    if (handle.lock >= level) return SQLITE_OK;
    const SimDisk::Verdict verdict = Ask(handle, kDbLock);
    if (verdict.error != 0) return Failed(verdict, SQLITE_IOERR_LOCK);
    SimLocks& locks = LocksOf(handle);
    const auto others = [&](const Handle* holder) { return holder != nullptr && holder != &handle; };
    if (handle.lock == SQLITE_LOCK_NONE) {
      if (others(locks.pending)) return SQLITE_BUSY;
      ++locks.readers;
      handle.lock = SQLITE_LOCK_SHARED;
    }
    if (level == SQLITE_LOCK_SHARED) return SQLITE_OK;
    if (others(locks.reserved) || others(locks.pending)) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_RESERVED) {
      locks.reserved = &handle;
      handle.lock = level;
      return SQLITE_OK;
    }
    locks.pending = &handle;
    handle.lock = SQLITE_LOCK_PENDING;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
      if (locks.readers > 1) return SQLITE_BUSY;
      handle.lock = level;
    }
    return SQLITE_OK;
  }

  static int Unlock(sqlite3_file* file, int level) {
    Handle& handle = Of(file);
    const std::lock_guard lock(handle.disk->mutex);
    if (handle.lock <= level) return SQLITE_OK;
    SimLocks& locks = LocksOf(handle);
    if (locks.reserved == &handle) locks.reserved = nullptr;
    if (locks.pending == &handle) locks.pending = nullptr;
    if (level == SQLITE_LOCK_NONE) --locks.readers;
    handle.lock = level;
    return SQLITE_OK;
  }

  static int CheckReservedLock(sqlite3_file* file, int* out) {
    const Handle& handle = Of(file);
    const std::lock_guard lock(handle.disk->mutex);
    *out = LocksOf(handle).reserved != nullptr ? 1 : 0;
    return SQLITE_OK;
  }

  static int ShmMap(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
    Handle& handle = Of(file);
    *out = nullptr;
    const std::lock_guard lock(handle.disk->mutex);
    const SimDisk::Verdict verdict = Ask(handle, kDbShared);
    if (verdict.error == EMFILE) return Failed(verdict, SQLITE_CANTOPEN);
    if (verdict.error != 0) {
      return Failed(verdict, verdict.error == ENOSPC ? SQLITE_IOERR_SHMSIZE : SQLITE_IOERR_SHMMAP);
    }
    SimLocks& locks = LocksOf(handle);
    if (!handle.shares_memory) ++locks.users;
    handle.shares_memory = true;
    while (locks.regions.size() <= static_cast<size_t>(region)) {
      if (extend == 0) return SQLITE_OK;
      locks.regions.push_back(std::make_unique<std::string>(static_cast<size_t>(size), '\0'));
    }
    *out = locks.regions[static_cast<size_t>(region)]->data();
    return SQLITE_OK;
  }

  static int ShmLock(sqlite3_file* file, int first, int n, int flags) {
    Handle& handle = Of(file);
    const std::lock_guard lock(handle.disk->mutex);
    SimLocks& locks = LocksOf(handle);
    const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
    if ((flags & SQLITE_SHM_LOCK) != 0) {
      const SimDisk::Verdict verdict = Ask(handle, kDbLock);
      if (verdict.error != 0) return Failed(verdict, SQLITE_IOERR_SHMLOCK);
      for (int i = first; i < first + n; ++i) {
        const auto slot = static_cast<size_t>(i);
        const int own = (handle.shared >> slot & 1) != 0 ? 1 : 0;
        if (locks.slot_writer[slot] != nullptr && locks.slot_writer[slot] != &handle) return SQLITE_BUSY;
        if (!shared && locks.slot_readers[slot] > own) return SQLITE_BUSY;
      }
    }
    for (int i = first; i < first + n; ++i) {
      const auto slot = static_cast<size_t>(i);
      const uint32_t bit = 1u << slot;
      if ((flags & SQLITE_SHM_LOCK) == 0) {
        if (locks.slot_writer[slot] == &handle) locks.slot_writer[slot] = nullptr;
        if ((handle.shared & bit) != 0) --locks.slot_readers[slot];
        handle.shared &= ~bit;
      } else if (!shared) {
        locks.slot_writer[slot] = &handle;
      } else if ((handle.shared & bit) == 0) {
        ++locks.slot_readers[slot];
        handle.shared |= bit;
      }
    }
    return SQLITE_OK;
  }

  static int ShmUnmap(sqlite3_file* file, int) {
    Handle& handle = Of(file);
    if (!handle.shares_memory) return SQLITE_OK;
    ShmLock(file, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK);
    const std::lock_guard lock(handle.disk->mutex);
    SimLocks& locks = LocksOf(handle);
    handle.shares_memory = false;
    if (--locks.users == 0) locks.regions.clear();
    return SQLITE_OK;
  }

  static const sqlite3_io_methods* Methods() {
    static const sqlite3_io_methods methods = {
        .iVersion = 2,
        .xClose = &Close,
        .xRead = &Read,
        .xWrite = &Write,
        .xTruncate = &Truncate,
        .xSync = &Sync,
        .xFileSize = &FileSize,
        .xLock = &Lock,
        .xUnlock = &Unlock,
        .xCheckReservedLock = &CheckReservedLock,
        .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
        .xSectorSize = [](sqlite3_file*) { return 4096; },
        // As the system's: what lies beside a torn write is not harmed.
        .xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; },
        .xShmMap = &ShmMap,
        .xShmLock = &ShmLock,
        .xShmBarrier = [](sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); },
        .xShmUnmap = &ShmUnmap,
        .xFetch = nullptr,
        .xUnfetch = nullptr,
    };
    return &methods;
  }

  static thread_local int last_error_;
  SimDisk& disk_;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
};

thread_local int SimVfs::last_error_ = 0;

}  // namespace

std::shared_ptr<void> RegisterSimVfs(SimDisk& disk) { return std::make_shared<SimVfs>(disk); }

}  // namespace linnet::testing
