#include "storage/chunks/chunk_store.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/chunks/chunk_transfer.h"
#include "storage/chunks/partial_chunks.h"
#include "storage/chunks/room.h"

namespace linnet::chunks {
namespace {

constexpr char kSchema[] = R"sql(
  CREATE TABLE IF NOT EXISTS chunk_file(
    sha256 BLOB PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS chunk_location(
    chunk BLOB NOT NULL, file BLOB NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY(chunk, file, offset)) WITHOUT ROWID, STRICT;
  CREATE INDEX IF NOT EXISTS chunk_location_file ON chunk_location(file);
)sql";

class FileSource final : public ChunkSource {
 public:
  FileSource(base::FileSystem& fs, const ChunkIndex& index, const std::string& path) : fs_(fs), path_(path) {
    for (const Chunk& chunk : index.chunks) where_.emplace(chunk.sha256, &chunk);
  }
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) override {
    for (const std::string& hash : sha256) {
      const Chunk& chunk = *where_.at(hash);
      LINNET_ASSIGN_OR_RETURN(const std::string data, fs_.ReadAt(path_, chunk.offset, chunk.length));
      LINNET_RETURN_IF_ERROR(on_chunk(hash, data));
    }
    return absl::OkStatus();
  }

 private:
  base::FileSystem& fs_;
  const std::string& path_;
  std::map<std::string, const Chunk*> where_;
};

// Reads like the engine will, in pieces. Cancelled: `stop()` said true.
absl::StatusOr<std::string> HashOfFile(base::FileSystem& fs, const std::string& path, uint64_t size_bytes,
                                       const std::function<bool()>& stop) {
  constexpr uint64_t kPiece = 1 << 20;
  base::Sha256Hasher whole;
  for (uint64_t at = 0; at < size_bytes; at += kPiece) {
    if (stop && stop()) return absl::CancelledError("stopped");
    LINNET_ASSIGN_OR_RETURN(const std::string data, fs.ReadAt(path, at, std::min(kPiece, size_bytes - at)));
    whole.Update(base::AsBytes(data));
  }
  return std::string(base::AsView(whole.Finish()));
}

bool SameCuts(const ChunkIndex& a, const ChunkIndex& b) {
  return std::equal(a.chunks.begin(), a.chunks.end(), b.chunks.begin(), b.chunks.end(),
                    [](const Chunk& x, const Chunk& y) {
                      return x.sha256 == y.sha256 && x.offset == y.offset && x.length == y.length;
                    });
}

// It could not be read just now, which says nothing about the bytes.
bool IsDisksFault(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

bool IsStoreName(std::string_view name) {
  return name.size() >= 64 && name.substr(0, 64).find_first_not_of("0123456789abcdef") == std::string::npos &&
         (name.size() == 64 || name.substr(64) == ".part" || name.substr(64, 5) == ".tmp-");
}

class SqliteChunkStore final : public ChunkStore {
 public:
  SqliteChunkStore(base::FileSystem& fs, std::string dir, db::Database& db, PartialChunks* partial)
      : fs_(fs), dir_(std::move(dir)), db_(db), partial_(partial) {}

  absl::StatusOr<std::string> PathOf(std::string_view file_sha256) const override {
    LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare("SELECT bytes FROM chunk_file WHERE sha256=?"));
    select.BindBlob(1, file_sha256);
    LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
    const std::string path = Name(file_sha256);
    if (row) {
      const absl::StatusOr<base::FileInfo> info = fs_.Stat(path);
      if (info.ok() && info->size_bytes == static_cast<uint64_t>(select.Int(0))) return path;
      if (!info.ok() && !absl::IsNotFound(info.status())) return info.status();  // who knows
    }
    return absl::NotFoundError(absl::StrCat(path, ": not in the store"));
  }

  absl::Status Recheck(std::string_view file_sha256, const std::function<bool()>& stop) override {
    LINNET_ASSIGN_OR_RETURN(const bool recorded, IsRecorded(file_sha256));
    const std::string path = Name(file_sha256);
    if (!recorded) return absl::NotFoundError(absl::StrCat(path, ": not in the store"));
    const absl::StatusOr<base::FileInfo> info = fs_.Stat(path);
    const absl::StatusOr<std::string> hash = info.ok() ? HashOfFile(fs_, path, info->size_bytes, stop)
                                                       : absl::StatusOr<std::string>(info.status());
    if (hash.ok() && *hash == file_sha256) return absl::OkStatus();
    if (absl::IsCancelled(hash.status()) || IsDisksFault(hash.status())) return hash.status();
    LINNET_RETURN_IF_ERROR(db_.Transact([&] { return Distrust(file_sha256); }));
    return absl::DataLossError(
        absl::StrCat(path, ": damaged: ",
                     hash.ok() ? absl::StrCat("has the SHA-256 ", base::Hex(*hash).substr(0, 16),
                                              "..., expected ", base::Hex(file_sha256).substr(0, 16), "...")
                               : base::Message(hash.status())));
  }

  absl::StatusOr<ChunkIndex> IndexOf(std::string_view file_sha256) const override {
    LINNET_ASSIGN_OR_RETURN(
        db::Statement select,
        db_.Prepare("SELECT chunk, offset, length FROM chunk_location WHERE file=? ORDER BY offset"));
    select.BindBlob(1, file_sha256);
    ChunkIndex index{std::string(file_sha256), 0, {}};
    while (true) {
      LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) break;
      index.chunks.push_back({std::string(select.Blob(0)), static_cast<uint64_t>(select.Int(1)),
                              static_cast<uint32_t>(select.Int(2))});
      index.file_bytes += index.chunks.back().length;
    }
    if (!index.chunks.empty() && index.Check().ok()) return index;
    return absl::NotFoundError(absl::StrCat(Name(file_sha256), ": how it is cut is not known here"));
  }

  absl::StatusOr<std::string> Complete(const ChunkIndex& index, ChunkSource& source,
                                       const std::function<void(uint64_t, uint64_t)>& on_progress,
                                       const std::function<bool()>& stop) override {
    LINNET_RETURN_IF_ERROR(index.Check());
    LINNET_ASSIGN_OR_RETURN(const bool adopted, Adopt(index, stop));
    if (adopted) {
      if (on_progress) on_progress(index.file_bytes, index.file_bytes);
      return Name(index.file_sha256);
    }
    LINNET_RETURN_IF_ERROR(db_.Transact([&] { return WriteCuts(index); }));

    const std::string part = PartOf(index.file_sha256);
    const Noting noting(partial_, part);
    LINNET_ASSIGN_OR_RETURN(std::unique_ptr<ChunkTransfer> transfer,
                            ChunkTransfer::Open(fs_, part, index, on_progress, stop, partial_));
    LINNET_RETURN_IF_ERROR(transfer->Reserve(dir_));
    LINNET_RETURN_IF_ERROR(transfer->CopyFrom(
        [&](std::string_view sha256) { return ReadChunkNotOf(index.file_sha256, sha256); }));
    LINNET_RETURN_IF_ERROR(transfer->FetchFrom(source));
    LINNET_RETURN_IF_ERROR(transfer->Finish());
    transfer.reset();
    LINNET_RETURN_IF_ERROR(fs_.Rename(part, Name(index.file_sha256)));
    LINNET_RETURN_IF_ERROR(fs_.SyncDirectory(dir_));
    LINNET_RETURN_IF_ERROR(Record(index));
    return Name(index.file_sha256);
  }

  absl::StatusOr<std::string> Import(const ChunkIndex& index, const std::string& path) override {
    LINNET_RETURN_IF_ERROR(index.Check());
    LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs_.Stat(path));
    if (info.size_bytes != index.file_bytes) {
      return absl::DataLossError(
          absl::StrCat(path, ": has ", info.size_bytes, " bytes, the index says ", index.file_bytes));
    }
    for (const Chunk& chunk : index.chunks) {
      LINNET_ASSIGN_OR_RETURN(const std::string data, fs_.ReadAt(path, chunk.offset, chunk.length));
      if (base::AsView(base::Sha256(data)) != chunk.sha256) {
        return absl::DataLossError(absl::StrCat(path, ": bytes ", chunk.offset, " to ",
                                                chunk.offset + chunk.length, " differ from the index"));
      }
    }
    FileSource source(fs_, index, path);
    return Complete(index, source, nullptr, nullptr);
  }

  absl::Status PutSmall(std::string_view bytes) override {
    if (bytes.empty() || bytes.size() > kMaxSmallBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("small content of ", bytes.size(), " bytes, 1 to ", kMaxSmallBytes, " expected"));
    }
    ChunkIndex index;
    index.file_sha256 = std::string(base::AsView(base::Sha256(bytes)));
    if (PathOf(index.file_sha256).ok()) return absl::OkStatus();
    LINNET_RETURN_IF_ERROR(CheckRoom(fs_, dir_, bytes.size()));
    index.file_bytes = bytes.size();
    index.chunks.push_back({index.file_sha256, 0, static_cast<uint32_t>(bytes.size())});
    LINNET_RETURN_IF_ERROR(fs_.WriteFileAtomic(Name(index.file_sha256), bytes));
    return Record(index);
  }

  absl::StatusOr<std::string> ReadChunk(std::string_view sha256) const override {
    return ReadChunkNotOf("", sha256);
  }

  absl::Status Collect(const std::vector<std::string>& keep) override {
    std::unordered_set<std::string> kept;
    for (const std::string& sha256 : keep) kept.insert(base::Hex(sha256));
    std::vector<std::string> gone;
    {
      LINNET_ASSIGN_OR_RETURN(
          db::Statement select,
          db_.Prepare("SELECT sha256 FROM chunk_file UNION SELECT file FROM chunk_location"));
      while (true) {
        LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
        if (!row) break;
        if (!kept.contains(base::Hex(select.Blob(0)))) gone.emplace_back(select.Blob(0));
      }
    }
    // Rows first: a file without a row is hashed again before it counts; a row without a file would lie.
    const absl::Status forgotten = db_.Transact([&]() -> absl::Status {
      for (const std::string& sha256 : gone) LINNET_RETURN_IF_ERROR(Forget(sha256));
      return absl::OkStatus();
    });
    if (!forgotten.ok()) return forgotten;
    LINNET_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs_.List(dir_));
    for (const std::string& name : names) {
      const bool half_written = name.find(".tmp-") != std::string::npos;
      if (IsStoreName(name) && (half_written || !kept.contains(name.substr(0, 64)))) {
        LINNET_RETURN_IF_ERROR(fs_.Remove(absl::StrCat(dir_, "/", name)));
      }
    }
    return absl::OkStatus();
  }

 private:
  class Noting {
   public:
    Noting(PartialChunks* partial, const std::string& part) : partial_(partial) {
      if (partial_ != nullptr) partial_->Begin(part);
    }
    ~Noting() {
      if (partial_ != nullptr) partial_->End();
    }
    Noting(const Noting&) = delete;
    Noting& operator=(const Noting&) = delete;

   private:
    PartialChunks* partial_;
  };

  std::string Name(std::string_view sha256) const { return absl::StrCat(dir_, "/", base::Hex(sha256)); }

  std::string PartOf(std::string_view sha256) const { return absl::StrCat(Name(sha256), ".part"); }

  absl::StatusOr<bool> IsRecorded(std::string_view file_sha256) const {
    LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare("SELECT 1 FROM chunk_file WHERE sha256=?"));
    select.BindBlob(1, file_sha256);
    return select.Step();
  }

  // What lies under the final name: complete from before, renamed into place just before the power went, or
  // damaged since. Only its hash says which; a damaged one is a partial file, whose good chunks are kept.
  absl::StatusOr<bool> Adopt(const ChunkIndex& index, const std::function<bool()>& stop) {
    const std::string path = Name(index.file_sha256);
    const absl::StatusOr<base::FileInfo> info = fs_.Stat(path);
    if (!info.ok()) return false;
    LINNET_ASSIGN_OR_RETURN(const bool recorded, IsRecorded(index.file_sha256));
    if (info->size_bytes == index.file_bytes) {
      const absl::StatusOr<std::string> hash = HashOfFile(fs_, path, info->size_bytes, stop);
      if (hash.ok() && *hash == index.file_sha256) {
        if (!recorded) LINNET_RETURN_IF_ERROR(Record(index));
        return true;
      }
      if (absl::IsCancelled(hash.status()) || absl::IsResourceExhausted(hash.status())) return hash.status();
    }
    if (recorded) LINNET_RETURN_IF_ERROR(db_.Transact([&] { return Distrust(index.file_sha256); }));
    if (fs_.Stat(PartOf(index.file_sha256)).ok()) {
      LINNET_RETURN_IF_ERROR(fs_.Remove(path));  // what was fetched since is not older
    } else {
      LINNET_RETURN_IF_ERROR(fs_.Rename(path, PartOf(index.file_sha256)));
      LINNET_RETURN_IF_ERROR(fs_.SyncDirectory(dir_));
    }
    return false;
  }

  absl::StatusOr<std::string> ReadChunkNotOf(std::string_view except_file, std::string_view sha256) const {
    LINNET_ASSIGN_OR_RETURN(db::Statement select,
                            db_.Prepare("SELECT file, offset, length FROM chunk_location WHERE chunk=?"));
    select.BindBlob(1, sha256);
    absl::Status missing =
        absl::NotFoundError(absl::StrCat("chunk ", base::Hex(sha256), ": not in the store"));
    while (true) {
      LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) break;
      if (select.Blob(0) == except_file) continue;
      for (const std::string& path : {Name(select.Blob(0)), PartOf(select.Blob(0))}) {
        absl::StatusOr<std::string> data =
            fs_.ReadAt(path, static_cast<uint64_t>(select.Int(1)),
                       std::min<uint64_t>(static_cast<uint64_t>(select.Int(2)), kMaxSmallBytes));
        // A damaged or vanished copy is a chunk that we lack; perhaps another file holds it.
        if (data.ok() && base::AsView(base::Sha256(*data)) == sha256) return data;
        // But one that could not be opened now is not missing.
        if (IsDisksFault(data.status())) missing = data.status();
      }
    }
    return missing;
  }

  // It is not complete any more; how it is cut stays known.
  absl::Status Distrust(std::string_view sha256) {
    LINNET_ASSIGN_OR_RETURN(db::Statement statement, db_.Prepare("DELETE FROM chunk_file WHERE sha256=?"));
    statement.BindBlob(1, sha256);
    return statement.Run();
  }

  absl::Status Forget(std::string_view sha256) {
    for (const char* sql :
         {"DELETE FROM chunk_location WHERE file=?", "DELETE FROM chunk_file WHERE sha256=?"}) {
      LINNET_ASSIGN_OR_RETURN(db::Statement statement, db_.Prepare(sql));
      statement.BindBlob(1, sha256);
      LINNET_RETURN_IF_ERROR(statement.Run());
    }
    return absl::OkStatus();
  }

  // Where each chunk lies, or will: other files are made of it, and a damaged file is cut by it. It promises
  // nothing, because whoever reads a chunk hashes it.
  absl::Status WriteCuts(const ChunkIndex& index) {
    const absl::StatusOr<ChunkIndex> known = IndexOf(index.file_sha256);
    if (known.ok() && SameCuts(*known, index)) return absl::OkStatus();
    // SQLite has ended the transaction: to go on would be to write one by one, outside of it.
    if (!known.ok() && !absl::IsNotFound(known.status())) return known.status();
    LINNET_ASSIGN_OR_RETURN(db::Statement forget, db_.Prepare("DELETE FROM chunk_location WHERE file=?"));
    forget.BindBlob(1, index.file_sha256);
    LINNET_RETURN_IF_ERROR(forget.Run());
    LINNET_ASSIGN_OR_RETURN(db::Statement location,
                            db_.Prepare("INSERT OR REPLACE INTO chunk_location VALUES(?,?,?,?)"));
    for (const Chunk& chunk : index.chunks) {
      location.BindBlob(1, chunk.sha256).BindBlob(2, index.file_sha256);
      location.Bind(3, chunk.offset).Bind(4, chunk.length);
      LINNET_RETURN_IF_ERROR(location.Run());
    }
    return absl::OkStatus();
  }

  absl::Status Record(const ChunkIndex& index) {
    return db_.Transact([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(db::Statement file,
                              db_.Prepare("INSERT OR REPLACE INTO chunk_file VALUES(?,?)"));
      file.BindBlob(1, index.file_sha256).Bind(2, index.file_bytes);
      LINNET_RETURN_IF_ERROR(file.Run());
      return WriteCuts(index);
    });
  }

  base::FileSystem& fs_;
  const std::string dir_;
  db::Database& db_;
  PartialChunks* const partial_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkStore>> ChunkStore::Open(base::FileSystem& fs, std::string dir,
                                                             db::Database& db, PartialChunks* partial) {
  LINNET_RETURN_IF_ERROR(fs.CreateDirectories(dir));
  LINNET_RETURN_IF_ERROR(db.Execute(kSchema));
  return std::make_unique<SqliteChunkStore>(fs, std::move(dir), db, partial);
}

}  // namespace linnet::chunks
