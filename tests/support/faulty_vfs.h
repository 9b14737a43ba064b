#ifndef LINNET_TESTS_SUPPORT_FAULTY_VFS_H_
#define LINNET_TESTS_SUPPORT_FAULTY_VFS_H_

#include <sqlite3.h>

#include <cstring>
#include <limits>

namespace linnet::testing {

// SQLite's default VFS, except that from the n-th change of a file on (write, truncate, sync, delete) every
// change fails: half of the n-th write's bytes arrive, as when power goes. Registered as the default while it
// lives; one at a time.
class FaultyVfs {
 public:
  FaultyVfs() {
    real_ = sqlite3_vfs_find(nullptr);
    vfs_ = *real_;
    vfs_.zName = "linnet-faulty";
    vfs_.pAppData = this;
    vfs_.pNext = nullptr;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = &Open;
    vfs_.xDelete = &Delete;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FaultyVfs() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // The next `n` changes succeed, the ones after fail with `code`.
  void FailAfter(int n, int code = SQLITE_IOERR_WRITE) {
    left_ = n;
    code_ = code;
    failed_ = false;
  }
  void Repair() { left_ = std::numeric_limits<int>::max(); }
  bool failed() const { return failed_; }

 private:
  struct File {
    sqlite3_file base;
    FaultyVfs* owner;
    sqlite3_file* real;
  };

  bool Fails() {
    if (left_ > 0) {
      --left_;
      return false;
    }
    failed_ = true;
    return true;
  }

  static File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static sqlite3_file* Real(sqlite3_file* file) { return Of(file)->real; }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* self = static_cast<FaultyVfs*>(vfs->pAppData);
    File* f = Of(file);
    f->owner = self;
    f->real = reinterpret_cast<sqlite3_file*>(f + 1);
    std::memset(f->real, 0, static_cast<size_t>(self->real_->szOsFile));
    f->base.pMethods = nullptr;
    const int rc = self->real_->xOpen(self->real_, name, f->real, flags, out_flags);
    if (f->real->pMethods != nullptr) f->base.pMethods = Methods();
    return rc;
  }
  static int Delete(sqlite3_vfs* vfs, const char* name, int sync) {
    auto* self = static_cast<FaultyVfs*>(vfs->pAppData);
    if (self->Fails()) return SQLITE_IOERR_DELETE;
    return self->real_->xDelete(self->real_, name, sync);
  }
  static int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    FaultyVfs* self = Of(file)->owner;
    const bool was_failed = self->failed_;
    if (self->Fails()) {
      if (!was_failed) Real(file)->pMethods->xWrite(Real(file), data, size / 2, offset);
      return self->code_;
    }
    return Real(file)->pMethods->xWrite(Real(file), data, size, offset);
  }
  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (Of(file)->owner->Fails()) return SQLITE_IOERR_TRUNCATE;
    return Real(file)->pMethods->xTruncate(Real(file), size);
  }
  static int Sync(sqlite3_file* file, int flags) {
    if (Of(file)->owner->Fails()) return SQLITE_IOERR_FSYNC;
    return Real(file)->pMethods->xSync(Real(file), flags);
  }

  static const sqlite3_io_methods* Methods() {
    static const sqlite3_io_methods methods = {
        3,
        [](sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); },
        [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
          return Real(f)->pMethods->xRead(Real(f), to, n, at);
        },
        &Write,
        &Truncate,
        &Sync,
        [](sqlite3_file* f, sqlite3_int64* size) { return Real(f)->pMethods->xFileSize(Real(f), size); },
        [](sqlite3_file* f, int level) { return Real(f)->pMethods->xLock(Real(f), level); },
        [](sqlite3_file* f, int level) { return Real(f)->pMethods->xUnlock(Real(f), level); },
        [](sqlite3_file* f, int* out) { return Real(f)->pMethods->xCheckReservedLock(Real(f), out); },
        [](sqlite3_file* f, int op, void* arg) { return Real(f)->pMethods->xFileControl(Real(f), op, arg); },
        [](sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); },
        [](sqlite3_file* f) { return Real(f)->pMethods->xDeviceCharacteristics(Real(f)); },
        [](sqlite3_file* f, int region, int size, int extend, void volatile** out) {
          return Real(f)->pMethods->xShmMap(Real(f), region, size, extend, out);
        },
        [](sqlite3_file* f, int offset, int n, int flags) {
          return Real(f)->pMethods->xShmLock(Real(f), offset, n, flags);
        },
        [](sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); },
        [](sqlite3_file* f, int remove) { return Real(f)->pMethods->xShmUnmap(Real(f), remove); },
        [](sqlite3_file*, sqlite3_int64, int, void** out) {
          *out = nullptr;  // no mapped reads: every access passes here
          return SQLITE_OK;
        },
        [](sqlite3_file*, sqlite3_int64, void*) { return SQLITE_OK; },
    };
    return &methods;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  int left_ = std::numeric_limits<int>::max();
  int code_ = SQLITE_IOERR_WRITE;
  bool failed_ = false;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_FAULTY_VFS_H_
