#include "storage/chunks/chunk_transfer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/chunks/partial_chunks.h"
#include "storage/chunks/room.h"

namespace linnet::chunks {
namespace {

// A power cut costs at most this much of a download; each sync costs a flash erase block or two.
constexpr uint64_t kSyncBytes = 8 << 20;
// Chunks asked for at once; the source may split further.
constexpr size_t kBatch = 64;
// Wrong chunks from one source before we stop talking to it.
constexpr int kMostBad = 3;

bool HasHash(std::string_view data, std::string_view sha256) {
  return base::AsView(base::Sha256(data)) == sha256;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkTransfer>> ChunkTransfer::Open(base::FileSystem& fs, std::string part,
                                                                   const ChunkIndex& index,
                                                                   const Progress& progress, const Stop& stop,
                                                                   PartialChunks* partial) {
  std::unique_ptr<ChunkTransfer> transfer(
      new ChunkTransfer(fs, std::move(part), index, progress, stop, partial));
  LINNET_ASSIGN_OR_RETURN(transfer->file_, fs.OpenForWrite(transfer->part_));
  LINNET_RETURN_IF_ERROR(transfer->HashWhatIsThere());
  transfer->Report();
  return transfer;
}

ChunkTransfer::~ChunkTransfer() {
  if (stopped_) ReleaseRoom(*file_);
}

absl::Status ChunkTransfer::Reserve(const std::string& dir) {
  return ReserveRoom(fs_, dir, *file_, index_.file_bytes, index_.file_bytes - done_bytes_);
}

void ChunkTransfer::Note(const Chunk& chunk) const {
  if (partial_ != nullptr) partial_->Note(chunk.sha256, chunk.offset, chunk.length);
}

absl::Status ChunkTransfer::HashWhatIsThere() {
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs_.Stat(part_));
  if (info.size_bytes > index_.file_bytes) LINNET_RETURN_IF_ERROR(file_->Truncate(index_.file_bytes));
  for (size_t i = 0; i < index_.chunks.size(); ++i) {
    const Chunk& chunk = index_.chunks[i];
    if (chunk.offset + chunk.length <= info.size_bytes) {
      LINNET_RETURN_IF_ERROR(CheckStop());
      const absl::StatusOr<std::string> data = fs_.ReadAt(part_, chunk.offset, chunk.length);
      // A block that flash cannot read any more is a chunk that we lack.
      if (data.ok() && HasHash(*data, chunk.sha256)) {
        done_bytes_ += chunk.length;
        Note(chunk);
        continue;
      }
    }
    missing_[chunk.sha256].push_back(i);
  }
  return absl::OkStatus();
}

absl::Status ChunkTransfer::Take(std::string_view sha256, std::string_view data) {
  const auto it = missing_.find(sha256);
  LINNET_CHECK(it != missing_.end());
  for (const size_t i : it->second) {
    const Chunk& chunk = index_.chunks[i];
    LINNET_RETURN_IF_ERROR(file_->WriteAt(chunk.offset, base::AsBytes(data)));
    done_bytes_ += chunk.length;
    unsynced_bytes_ += chunk.length;
    Note(chunk);
  }
  missing_.erase(it);
  if (unsynced_bytes_ >= kSyncBytes) {
    LINNET_RETURN_IF_ERROR(file_->Sync());
    unsynced_bytes_ = 0;
  }
  Report();
  return absl::OkStatus();
}

absl::Status ChunkTransfer::CopyFrom(const Local& local) {
  std::vector<std::string> wanted;
  for (const auto& [sha256, where] : missing_) wanted.push_back(sha256);
  for (const std::string& sha256 : wanted) {
    LINNET_RETURN_IF_ERROR(CheckStop());
    const absl::StatusOr<std::string> data = local(sha256);
    if (!data.ok() || data->size() != index_.chunks[missing_.at(sha256).front()].length) continue;
    LINNET_RETURN_IF_ERROR(Take(sha256, *data));
  }
  return absl::OkStatus();
}

absl::Status ChunkTransfer::FetchBatch(ChunkSource& source, const std::vector<std::string>& batch, int& bad) {
  absl::Status ours;  // why we ended the fetch, whatever the source makes of it
  const auto on_chunk = [&](std::string_view sha256, std::string_view data) -> absl::Status {
    if (ours = CheckStop(); !ours.ok()) return ours;
    const bool asked = std::find(batch.begin(), batch.end(), sha256) != batch.end();
    if (!asked || !missing_.contains(sha256) || !HasHash(data, sha256)) {
      if (++bad >= kMostBad) {
        ours = absl::DataLossError(absl::StrCat(
            "the source sent ", bad, " wrong chunks (last: ", base::Hex(sha256.substr(0, 8)), "...)"));
      }
      return ours;
    }
    ours = Take(sha256, data);
    return ours;
  };
  const absl::Status status = source.Fetch(batch, on_chunk);
  return ours.ok() ? status : ours;
}

absl::Status ChunkTransfer::FetchFrom(ChunkSource& source) {
  // In file order, so that a source reads ahead and a person sees steady progress.
  std::vector<std::string> order;
  for (const Chunk& chunk : index_.chunks) {
    if (missing_.contains(chunk.sha256)) order.push_back(chunk.sha256);
  }
  int bad = 0;
  for (int round = 0; !missing_.empty(); ++round) {
    const size_t before = missing_.size();
    for (size_t next = 0; next < order.size();) {
      LINNET_RETURN_IF_ERROR(CheckStop());
      std::vector<std::string> batch;
      for (; next < order.size() && batch.size() < kBatch; ++next) {
        const bool twice = std::find(batch.begin(), batch.end(), order[next]) != batch.end();
        if (!twice && missing_.contains(order[next])) batch.push_back(order[next]);
      }
      if (!batch.empty()) LINNET_RETURN_IF_ERROR(FetchBatch(source, batch, bad));
    }
    if (missing_.size() == before && round >= 1) {
      return absl::DataLossError(absl::StrCat("the source lacks ", missing_.size(), " of ",
                                              index_.chunks.size(), " chunks, or sends them wrong"));
    }
  }
  return absl::OkStatus();
}

absl::Status ChunkTransfer::Finish() {
  LINNET_CHECK(missing_.empty());
  LINNET_RETURN_IF_ERROR(file_->Sync());
  base::Sha256Hasher whole;
  for (const Chunk& chunk : index_.chunks) {
    LINNET_RETURN_IF_ERROR(CheckStop());
    LINNET_ASSIGN_OR_RETURN(const std::string data, fs_.ReadAt(part_, chunk.offset, chunk.length));
    whole.Update(base::AsBytes(data));
  }
  if (base::AsView(whole.Finish()) == index_.file_sha256) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(fs_.Remove(part_));
  return absl::DataLossError(absl::StrCat(part_, ": every chunk is right, but the whole is not ",
                                          base::Hex(index_.file_sha256), ": the index is wrong"));
}

}  // namespace linnet::chunks
