#include "storage/chunks/chunk_store.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
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

  absl::StatusOr<std::string> Complete(const ChunkIndex& index, ChunkSource& source,
                                       const std::function<void(uint64_t, uint64_t)>& on_progress,
                                       const std::function<bool()>& stop) override {
    LINNET_RETURN_IF_ERROR(index.Check());
    if (absl::StatusOr<std::string> path = PathOf(index.file_sha256); path.ok()) {
      if (on_progress) on_progress(index.file_bytes, index.file_bytes);
      return path;
    }
    LINNET_ASSIGN_OR_RETURN(const bool adopted, AdoptUnrecorded(index));
    if (adopted) return Name(index.file_sha256);

    const std::string part = absl::StrCat(Name(index.file_sha256), ".part");
    const Noting noting(partial_, part);
    LINNET_ASSIGN_OR_RETURN(std::unique_ptr<ChunkTransfer> transfer,
                            ChunkTransfer::Open(fs_, part, index, on_progress, stop, partial_));
    LINNET_RETURN_IF_ERROR(transfer->Reserve(dir_));
    LINNET_RETURN_IF_ERROR(transfer->CopyFrom([&](std::string_view sha256) { return ReadChunk(sha256); }));
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
    LINNET_ASSIGN_OR_RETURN(db::Statement select,
                            db_.Prepare("SELECT file, offset, length FROM chunk_location WHERE chunk=?"));
    select.BindBlob(1, sha256);
    absl::Status missing =
        absl::NotFoundError(absl::StrCat("chunk ", base::Hex(sha256), ": not in the store"));
    while (true) {
      LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) break;
      absl::StatusOr<std::string> data =
          fs_.ReadAt(Name(select.Blob(0)), static_cast<uint64_t>(select.Int(1)),
                     std::min<uint64_t>(static_cast<uint64_t>(select.Int(2)), kMaxSmallBytes));
      // A damaged or vanished copy is a chunk that we lack; perhaps another file holds it.
      if (data.ok() && base::AsView(base::Sha256(*data)) == sha256) return data;
      // But one that could not be opened now is not missing.
      if (absl::IsResourceExhausted(data.status()) || absl::IsUnavailable(data.status()))
        missing = data.status();
    }
    return missing;
  }

  absl::Status Collect(const std::vector<std::string>& keep) override {
    std::unordered_set<std::string> kept;
    for (const std::string& sha256 : keep) kept.insert(base::Hex(sha256));
    std::vector<std::string> gone;
    {
      LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare("SELECT sha256 FROM chunk_file"));
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

  // A file that was renamed into place just before the power went has no row yet.
  absl::StatusOr<bool> AdoptUnrecorded(const ChunkIndex& index) {
    const std::string path = Name(index.file_sha256);
    if (!fs_.Stat(path).ok()) return false;
    base::Sha256Hasher whole;
    bool whole_read = true;
    for (const Chunk& chunk : index.chunks) {
      const absl::StatusOr<std::string> data = fs_.ReadAt(path, chunk.offset, chunk.length);
      whole_read = whole_read && data.ok();
      if (!whole_read) break;
      whole.Update(base::AsBytes(*data));
    }
    LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs_.Stat(path));
    if (whole_read && info.size_bytes == index.file_bytes &&
        base::AsView(whole.Finish()) == index.file_sha256) {
      LINNET_RETURN_IF_ERROR(Record(index));
      return true;
    }
    LINNET_RETURN_IF_ERROR(db_.Transact([&] { return Forget(index.file_sha256); }));
    LINNET_RETURN_IF_ERROR(fs_.Remove(path));
    return false;
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

  absl::Status Record(const ChunkIndex& index) {
    return db_.Transact([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(db::Statement file,
                              db_.Prepare("INSERT OR REPLACE INTO chunk_file VALUES(?,?)"));
      file.BindBlob(1, index.file_sha256).Bind(2, index.file_bytes);
      LINNET_RETURN_IF_ERROR(file.Run());
      LINNET_ASSIGN_OR_RETURN(db::Statement location,
                              db_.Prepare("INSERT OR REPLACE INTO chunk_location VALUES(?,?,?,?)"));
      for (const Chunk& chunk : index.chunks) {
        location.BindBlob(1, chunk.sha256).BindBlob(2, index.file_sha256);
        location.Bind(3, chunk.offset).Bind(4, chunk.length);
        LINNET_RETURN_IF_ERROR(location.Run());
      }
      return absl::OkStatus();
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
