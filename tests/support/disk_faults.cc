#include "tests/support/disk_faults.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace linnet::testing {
namespace {

struct Kind {
  const char* name;
  uint32_t ops;
  std::vector<int> errors;
  bool short_writes = false;
  bool once = true;
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {"open", kOpenFile, {EMFILE, ENOSPC}},
      {"read", kReadFile, {EIO, EMFILE}},
      {"map", kMapFile, {EIO, EMFILE}},
      {"write", kWriteFile, {EIO, ENOSPC}, true},
      {"resize", kResizeFile, {EIO}},
      {"fsync", kSyncFile, {EIO}},
      {"reserve room", kReserveRoom, {ENOSPC}},
      {"rename", kRenameFile, {EIO}},
      {"remove", kRemoveFile, {EIO}},
      {"make a folder", kMakeFolder, {ENOSPC}},
      {"fsync a folder", kSyncFolder, {EIO, EMFILE}},
      {"list", kListFolder, {EMFILE}},
      {"stat", kStatFile, {EIO}},
      {"ask for room", kAskRoom, {EIO}},
      {"SQLite: open", kDbOpen, {EMFILE, EIO}},
      {"SQLite: read", kDbRead, {EIO}},
      {"SQLite: write", kDbWrite, {EIO, ENOSPC}, true},
      {"SQLite: resize", kDbResize, {EIO}},
      {"SQLite: fsync", kDbSync, {EIO}},
      {"SQLite: remove", kDbRemove, {EIO}},
      {"SQLite: look for a file", kDbAccess, {EIO}},
      {"SQLite: ask for a size", kDbStat, {EIO}},
      {"SQLite: lock", kDbLock, {EIO}},
      {"SQLite: shared memory", kDbShared, {EMFILE, ENOSPC}},
      {"a full disk",
       kOpenFile | kWriteFile | kReserveRoom | kMakeFolder | kDbWrite | kDbShared,
       {ENOSPC},
       true,
       false},
      {"no descriptors",
       kOpenFile | kReadFile | kMapFile | kSyncFolder | kListFolder | kDbOpen | kDbShared,
       {EMFILE},
       false,
       false},
      {"a disk that is gone", kEveryOp & ~kOtherStep, {EIO}, false, false},
  };
  return kinds;
}

}  // namespace

std::vector<NamedFault> EveryDiskFault() {
  std::vector<NamedFault> faults;
  for (const Kind& kind : Kinds()) {
    for (const bool for_good : {false, true}) {
      if (!for_good && !kind.once) continue;
      const auto add = [&](int error, bool half) {
        faults.push_back({absl::StrCat(kind.name, ": ", half ? "half, then " : "", std::strerror(error),
                                       for_good ? ", for good" : ", once"),
                          {.ops = kind.ops, .error = error, .half = half, .for_good = for_good},
                          !kind.once});
      };
      for (const int error : kind.errors) add(error, false);
      if (kind.short_writes) add(ENOSPC, true);
    }
  }
  return faults;
}

int NextCall(int n) {
#ifdef LINNET_SANITIZED
  constexpr int kAll = 8, kEvery = 29;
#else
  constexpr int kAll = 64, kEvery = 3;
#endif
  static const bool every = std::getenv("LINNET_TEST_EVERY_CALL") != nullptr;
  return n + (every || n < kAll ? 1 : kEvery);
}

std::string Unclear(const absl::Status& status, const std::string& root) {
  if (status.ok()) return "";
  const std::string message(status.message());
  const bool retry = absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
  if (!retry) return absl::StrCat("another code: ", status.ToString());
  if (message.find('\n') != std::string::npos || message.size() > 1200) {
    return absl::StrCat("not one line: ", message);
  }
  if (message.find(root) == std::string::npos) return absl::StrCat("does not say where: ", message);
  return "";
}

}  // namespace linnet::testing
