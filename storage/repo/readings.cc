#include "storage/repo/readings.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

constexpr std::string_view kTexts = "channels.texts";
constexpr std::string_view kKey = "channels.name_key";
constexpr std::string_view kData = "reading_blocks.data";
constexpr size_t kValueBytes = 16;

void Put64(std::string& out, uint64_t v) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((v >> shift) & 0xff);
}
uint64_t Get64(std::string_view bytes) {
  uint64_t v = 0;
  for (int i = 0; i < 8; ++i) v |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return v;
}

std::string Pack(std::span<const TimedValue> values) {
  std::string out;
  out.reserve(values.size() * kValueBytes);
  for (const TimedValue& v : values) {
    Put64(out, static_cast<uint64_t>(absl::ToUnixMicros(v.time)));
    Put64(out, std::bit_cast<uint64_t>(v.value));
  }
  return out;
}

absl::StatusOr<std::vector<TimedValue>> Unpack(std::string_view bytes) {
  if (bytes.size() % kValueBytes != 0)
    return absl::DataLossError("user.db: a block of readings is cut short");
  std::vector<TimedValue> out;
  out.reserve(bytes.size() / kValueBytes);
  for (size_t at = 0; at < bytes.size(); at += kValueBytes) {
    out.push_back({absl::FromUnixMicros(static_cast<int64_t>(Get64(bytes.substr(at)))),
                   std::bit_cast<double>(Get64(bytes.substr(at + 8)))});
  }
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Readings>> Readings::Open(UserDatabase& database,
                                                         const ReadingsLimits& limits) {
  db::Database& db = database.db();
  LINNET_ASSIGN_OR_RETURN(db::Statement find, db.Prepare("SELECT id FROM channels WHERE name_key = ?"));
  LINNET_ASSIGN_OR_RETURN(
      db::Statement add,
      db.Prepare("INSERT INTO channels(name_key, texts, readings, last_time) VALUES(?, ?, 0, 0)"));
  LINNET_ASSIGN_OR_RETURN(
      db::Statement count,
      db.Prepare("UPDATE channels SET readings = readings + ?2, last_time = ?3 WHERE id = ?1"));
  LINNET_ASSIGN_OR_RETURN(db::Statement tail,
                          db.Prepare("SELECT id, readings, data FROM reading_blocks WHERE channel_id = ? "
                                     "ORDER BY id DESC LIMIT 1"));
  LINNET_ASSIGN_OR_RETURN(
      db::Statement add_block,
      db.Prepare("INSERT INTO reading_blocks(channel_id, readings, bytes, first_time, last_time, data) "
                 "VALUES(?, ?, ?, ?, ?, ?)"));
  LINNET_ASSIGN_OR_RETURN(db::Statement set_block,
                          db.Prepare("UPDATE reading_blocks SET readings = ?2, bytes = ?3, last_time = ?4, "
                                     "data = ?5 WHERE id = ?1"));
  return std::unique_ptr<Readings>(
      new Readings(database, limits,
                   {std::move(find), std::move(add), std::move(count), std::move(tail), std::move(add_block),
                    std::move(set_block)}));
}

absl::StatusOr<int64_t> Readings::ChannelId(std::string_view channel, std::string_view unit) {
  const std::string key = database_.cipher().LookUpKey(channel, kKey);
  sql_.find_channel.BindBlob(1, key);
  LINNET_ASSIGN_OR_RETURN(const bool found, sql_.find_channel.Step());
  if (found) {
    const int64_t id = sql_.find_channel.Int(0);
    sql_.find_channel.Reset();
    return id;
  }
  const std::string texts = database_.cipher().SealTexts({std::string(channel), std::string(unit)}, kTexts);
  LINNET_RETURN_IF_ERROR(sql_.add_channel.BindBlob(1, key).BindBlob(2, texts).Run());
  return database_.db().last_insert_rowid();
}

absl::Status Readings::Append(std::string_view channel, std::string_view unit,
                              std::span<const TimedValue> values) {
  if (values.empty()) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(const int64_t channel_id, ChannelId(channel, unit));
  LINNET_RETURN_IF_ERROR(sql_.count_channel.Bind(1, channel_id)
                             .Bind(2, static_cast<int64_t>(values.size()))
                             .Bind(3, absl::ToUnixMicros(values.back().time))
                             .Run());
  // Fill up the newest block first, so that readings that come one by one do not cost a block each.
  sql_.tail_block.Bind(1, channel_id);
  LINNET_ASSIGN_OR_RETURN(const bool has_tail, sql_.tail_block.Step());
  if (has_tail) {
    const int64_t id = sql_.tail_block.Int(0);
    const auto held = static_cast<size_t>(sql_.tail_block.Int(1));
    const std::string sealed(sql_.tail_block.Blob(2));
    sql_.tail_block.Reset();
    if (held < kBlockReadings) {
      LINNET_ASSIGN_OR_RETURN(std::string plain, database_.cipher().Open(sealed, kData));
      const size_t take = std::min(values.size(), kBlockReadings - held);
      plain += Pack(values.first(take));
      const std::string data = database_.cipher().Seal(plain, kData);
      LINNET_RETURN_IF_ERROR(sql_.set_block.Bind(1, id)
                                 .Bind(2, static_cast<int64_t>(held + take))
                                 .Bind(3, static_cast<int64_t>(data.size()))
                                 .Bind(4, absl::ToUnixMicros(values[take - 1].time))
                                 .BindBlob(5, data)
                                 .Run());
      values = values.subspan(take);
    }
  }
  while (!values.empty()) {
    const std::span<const TimedValue> part = values.first(std::min<size_t>(values.size(), kBlockReadings));
    const std::string data = database_.cipher().Seal(Pack(part), kData);
    LINNET_RETURN_IF_ERROR(sql_.add_block.Bind(1, channel_id)
                               .Bind(2, static_cast<int64_t>(part.size()))
                               .Bind(3, static_cast<int64_t>(data.size()))
                               .Bind(4, absl::ToUnixMicros(part.front().time))
                               .Bind(5, absl::ToUnixMicros(part.back().time))
                               .BindBlob(6, data)
                               .Run());
    values = values.subspan(part.size());
  }
  return absl::OkStatus();
}

absl::Status Readings::Prune(absl::Time now) {
  db::Database& db = database_.db();
  {
    LINNET_ASSIGN_OR_RETURN(db::Statement old, db.Prepare("DELETE FROM reading_blocks WHERE last_time < ?"));
    LINNET_RETURN_IF_ERROR(old.Bind(1, absl::ToUnixMicros(now - limits_.max_age)).Run());
  }
  LINNET_ASSIGN_OR_RETURN(const uint64_t bytes, StoredBytes());
  if (bytes <= limits_.max_bytes) return absl::OkStatus();
  // A tenth more than needed, so that a full store does not delete on every batch.
  const uint64_t excess = bytes - limits_.max_bytes + limits_.max_bytes / 10;
  LINNET_ASSIGN_OR_RETURN(db::Statement oldest,
                          db.Prepare("SELECT id, bytes FROM reading_blocks ORDER BY id"));
  uint64_t freed = 0;
  int64_t last_id = 0;
  while (freed < excess) {
    LINNET_ASSIGN_OR_RETURN(const bool row, oldest.Step());
    if (!row) break;
    last_id = oldest.Int(0);
    freed += static_cast<uint64_t>(oldest.Int(1));
  }
  oldest.Reset();
  LINNET_ASSIGN_OR_RETURN(db::Statement drop, db.Prepare("DELETE FROM reading_blocks WHERE id <= ?"));
  return drop.Bind(1, last_id).Run();
}

absl::StatusOr<std::vector<ChannelRow>> Readings::Channels() {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      database_.db().Prepare("SELECT id, texts, readings, last_time FROM channels ORDER BY id"));
  std::vector<ChannelRow> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return rows;
    LINNET_ASSIGN_OR_RETURN(std::vector<std::string> texts,
                            database_.cipher().OpenTexts(select.Blob(1), kTexts));
    if (texts.size() != 2) return absl::DataLossError("user.db: a channel's texts are incomplete");
    rows.push_back({select.Int(0), std::move(texts[0]), std::move(texts[1]),
                    static_cast<uint64_t>(select.Int(2)), absl::FromUnixMicros(select.Int(3))});
  }
}

absl::StatusOr<std::vector<TimedValue>> Readings::Latest(int64_t channel_id, uint32_t limit) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      database_.db().Prepare("SELECT data FROM reading_blocks WHERE channel_id = ? ORDER BY id DESC"));
  select.Bind(1, channel_id);
  std::vector<std::vector<TimedValue>> blocks;
  size_t have = 0;
  while (have < limit) {
    LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) break;
    LINNET_ASSIGN_OR_RETURN(const std::string plain, database_.cipher().Open(select.Blob(0), kData));
    LINNET_ASSIGN_OR_RETURN(std::vector<TimedValue> values, Unpack(plain));
    have += values.size();
    blocks.push_back(std::move(values));
  }
  std::vector<TimedValue> out;
  out.reserve(have);
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    out.insert(out.end(), block->begin(), block->end());
  }
  if (out.size() > limit) out.erase(out.begin(), out.end() - limit);
  return out;
}

absl::StatusOr<uint64_t> Readings::Total() {
  LINNET_ASSIGN_OR_RETURN(db::Statement sum,
                          database_.db().Prepare("SELECT COALESCE(SUM(readings), 0) FROM channels"));
  LINNET_RETURN_IF_ERROR(sum.Step().status());
  return static_cast<uint64_t>(sum.Int(0));
}

absl::StatusOr<uint64_t> Readings::StoredBytes() {
  LINNET_ASSIGN_OR_RETURN(db::Statement sum,
                          database_.db().Prepare("SELECT COALESCE(SUM(bytes), 0) FROM reading_blocks"));
  LINNET_RETURN_IF_ERROR(sum.Step().status());
  return static_cast<uint64_t>(sum.Int(0));
}

}  // namespace linnet::repo
