#include "agent/device/local_device.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/answer/text.h"
#include "agent/device/anomaly_rows.h"
#include "agent/device/utf8.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::device {
namespace {

// 64 batches: with the usual 256 readings each, a look at the limits every 16,384 readings.
constexpr uint32_t kAppendsBetweenPrunes = 64;

// What is said must mean one room: no name or alias, as people type it, of two rooms; and a device stands in
// a room that exists.
absl::Status CheckRooms(const std::vector<repo::EntityRow>& entities) {
  const auto is_room = [](const repo::EntityRow& entity) {
    return entity.kind == static_cast<int>(answer::EntityKind::kRoom);
  };
  std::map<std::string, size_t> rooms;  // folded name or alias -> index of the room
  for (size_t i = 0; i < entities.size(); ++i) {
    if (!is_room(entities[i])) continue;
    const auto claim = [&](const std::string& name, std::string_view field, bool again_is_fine) {
      const auto [at, fresh] = rooms.try_emplace(answer::FoldedPhrase(name), i);
      if (fresh || (again_is_fine && at->second == i)) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("entities[", i, "].", std::string(field), ": \"", name,
                                                     "\" already names room entities[", at->second,
                                                     "]; give each room a name of its own"));
    };
    LINNET_RETURN_IF_ERROR(claim(entities[i].name, "name", false));
    for (const std::string& alias : entities[i].aliases)
      LINNET_RETURN_IF_ERROR(claim(alias, "aliases", true));
  }
  for (size_t i = 0; i < entities.size(); ++i) {
    const repo::EntityRow& entity = entities[i];
    if (is_room(entity) || entity.room.empty() || rooms.count(answer::FoldedPhrase(entity.room)) > 0)
      continue;
    return absl::InvalidArgumentError(absl::StrCat("entities[", i, "].room: \"", entity.room,
                                                   "\" is not the name of a room among the entities; add the "
                                                   "room or correct the name"));
  }
  return absl::OkStatus();
}

}  // namespace

LocalDevice::LocalDevice(repo::UserDatabase& database, ModelSlot& models, const base::Clock& clock,
                         LocalDeviceOptions options, std::unique_ptr<repo::Readings> readings)
    : database_(database),
      models_(models),
      clock_(clock),
      options_(std::move(options)),
      readings_(std::move(readings)),
      anomalies_(database),
      inventory_(database),
      entities_(database),
      conversations_(database),
      asker_([&models] { return models.engine(); }, clock) {}

absl::StatusOr<std::unique_ptr<LocalDevice>> LocalDevice::Create(repo::UserDatabase& database,
                                                                 ModelSlot& models, const base::Clock& clock,
                                                                 LocalDeviceOptions options) {
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<repo::Readings> readings,
                          repo::Readings::Open(database, options.readings));
  return std::unique_ptr<LocalDevice>(
      new LocalDevice(database, models, clock, std::move(options), std::move(readings)));
}

absl::Status LocalDevice::Restore() {
  if (ingest_ != nullptr) return absl::OkStatus();
  auto ingest = std::make_unique<sensors::Ingest>(options_.ingest);
  started_.clear();
  const absl::Status restored = database_.Write([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(const std::vector<repo::ChannelRow> channels, readings_->Channels());
    const auto limit = static_cast<uint32_t>(
        std::min<size_t>(kReplayReadings, kReplayTotal / std::max<size_t>(1, channels.size())));
    for (const repo::ChannelRow& channel : channels) {
      LINNET_ASSIGN_OR_RETURN(const std::vector<repo::TimedValue> values,
                              readings_->Latest(channel.id, limit));
      std::vector<sensors::Reading> replay;
      replay.reserve(values.size());
      for (const repo::TimedValue& v : values)
        replay.push_back({channel.name, v.time, v.value, channel.unit});
      LINNET_RETURN_IF_ERROR(ingest->Replay(replay));
    }
    // What was under way when the process ended has ended, unless the detectors still see it.
    LINNET_ASSIGN_OR_RETURN(const std::vector<repo::AnomalyRow> before, anomalies_.Ongoing());
    LINNET_RETURN_IF_ERROR(anomalies_.EndAll());
    for (const sensors::Anomaly& anomaly : ingest->Ongoing()) {
      for (const repo::AnomalyRow& row : before) {
        if (row.channel == anomaly.channel && row.direction == static_cast<int>(anomaly.direction)) {
          started_[{anomaly.channel, anomaly.start}] = row.start;
        }
      }
      LINNET_RETURN_IF_ERROR(anomalies_.Put(Kept(anomaly)).status());
    }
    return absl::OkStatus();
  });
  LINNET_RETURN_IF_ERROR(restored);
  ingest_ = std::move(ingest);
  return absl::OkStatus();
}

repo::AnomalyRow LocalDevice::Kept(const sensors::Anomaly& anomaly) const {
  repo::AnomalyRow row = RowOf(anomaly);
  const auto found = started_.find({anomaly.channel, anomaly.start});
  if (found != started_.end()) {
    row.duration += row.start - found->second;
    row.start = found->second;
  }
  return row;
}

absl::Status LocalDevice::Ingest(std::string_view channel, std::string_view unit,
                                 std::span<const repo::TimedValue> readings, IngestOutcome& outcome) {
  base::MutexLock lock(ingest_mutex_);
  LINNET_RETURN_IF_ERROR(Restore());
  std::vector<repo::TimedValue> accepted;
  accepted.reserve(readings.size());
  std::vector<sensors::Anomaly> found;
  uint64_t rejected = 0;
  std::string first_rejection;
  sensors::Reading reading{std::string(channel), absl::Time(), 0, std::string(unit)};
  for (const repo::TimedValue& value : readings) {
    reading.time = value.time;
    reading.value = value.value;
    absl::StatusOr<std::vector<sensors::Event>> events = ingest_->Add(reading);
    if (!events.ok()) {
      ++rejected;
      if (first_rejection.empty()) first_rejection = base::Message(events.status());
      continue;
    }
    accepted.push_back(value);
    for (sensors::Event& event : *events) found.push_back(std::move(event.anomaly));
  }
  // The state of what is under way moves with every reading; the row follows at each batch.
  for (const sensors::Anomaly& ongoing : ingest_->Ongoing()) {
    if (ongoing.channel == channel) found.push_back(ongoing);
  }
  std::map<int64_t, repo::AnomalyRow> rows;
  const absl::Status written = database_.Write([&]() -> absl::Status {
    LINNET_RETURN_IF_ERROR(readings_->Append(channel, unit, accepted));
    for (const sensors::Anomaly& anomaly : found) {
      repo::AnomalyRow row = Kept(anomaly);
      LINNET_ASSIGN_OR_RETURN(row.id, anomalies_.Put(row));
      rows[row.id] = std::move(row);
    }
    if (++appends_since_prune_ >= kAppendsBetweenPrunes) {
      appends_since_prune_ = 0;
      LINNET_RETURN_IF_ERROR(readings_->Prune(clock_.Now()));
    }
    return absl::OkStatus();
  });
  if (!written.ok()) {
    // The detectors have seen what was not kept; they are rebuilt from what is, so that a retry is judged
    // anew.
    ingest_ = nullptr;
    return written;
  }
  outcome.readings += accepted.size();
  outcome.rejected += rejected;
  if (outcome.first_rejection.empty()) outcome.first_rejection = std::move(first_rejection);
  for (auto& [id, row] : rows) outcome.anomalies[id] = std::move(row);
  return absl::OkStatus();
}

absl::Status LocalDevice::SetInventory(const std::vector<repo::InventoryRow>& items) {
  if (items.size() > kMaxItems) {
    return absl::InvalidArgumentError(absl::StrCat("items: ", items.size(), ", at most ", kMaxItems));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const repo::InventoryRow& item = items[i];
    if (!IsName(item.name, kMaxNameBytes)) {
      return absl::InvalidArgumentError(absl::StrCat("items[", i, "].name: expected 1 to ", kMaxNameBytes,
                                                     " bytes of UTF-8 without control characters"));
    }
    if (!std::isfinite(item.quantity) || item.quantity <= 0) {
      return absl::InvalidArgumentError(absl::StrCat("items[", i, "].quantity: expected a number above 0"));
    }
    if (!item.unit.empty() && !IsName(item.unit, 32)) {
      return absl::InvalidArgumentError(
          absl::StrCat("items[", i, "].unit: expected at most 32 bytes of UTF-8"));
    }
  }
  return database_.Write([&] { return inventory_.Replace(items); });
}

absl::Status LocalDevice::SetEntities(const std::vector<repo::EntityRow>& entities,
                                      const std::string& own_room) {
  if (entities.size() > kMaxEntities) {
    return absl::InvalidArgumentError(
        absl::StrCat("entities: ", entities.size(), ", at most ", kMaxEntities));
  }
  const std::string expected =
      absl::StrCat("expected 1 to ", kMaxNameBytes, " bytes of UTF-8 without control characters");
  bool own_room_exists = own_room.empty();
  for (size_t i = 0; i < entities.size(); ++i) {
    const repo::EntityRow& entity = entities[i];
    const auto bad = [&](std::string_view field) {
      return absl::InvalidArgumentError(
          absl::StrCat("entities[", i, "].", std::string(field), ": ", expected));
    };
    if (!IsName(entity.name, kMaxNameBytes)) return bad("name");
    if (!entity.room.empty() && !IsName(entity.room, kMaxNameBytes)) return bad("room");
    if (entity.aliases.size() > 32 || entity.state.size() > 32) {
      return absl::InvalidArgumentError(absl::StrCat("entities[", i, "]: at most 32 aliases and 32 states"));
    }
    for (const std::string& alias : entity.aliases) {
      if (!IsName(alias, kMaxNameBytes)) return bad("aliases");
    }
    for (const auto& [what, value] : entity.state) {
      if (!IsName(what, 32) || !IsName(value, kMaxNameBytes)) return bad("state");
    }
    own_room_exists |= entity.kind == static_cast<int>(answer::EntityKind::kRoom) && entity.name == own_room;
  }
  if (!own_room_exists) {
    return absl::InvalidArgumentError("own_room: is not the name of a room among the entities");
  }
  LINNET_RETURN_IF_ERROR(CheckRooms(entities));
  return database_.Write([&] { return entities_.Replace(entities, own_room); });
}

absl::StatusOr<std::vector<repo::AnomalyRow>> LocalDevice::Anomalies(uint32_t limit) {
  std::vector<repo::AnomalyRow> rows;
  LINNET_RETURN_IF_ERROR(database_.Read([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(rows, anomalies_.Latest(limit));
    return absl::OkStatus();
  }));
  return rows;
}

absl::StatusOr<answer::DeviceState> LocalDevice::State(uint64_t anomaly_id) {
  answer::DeviceState state;
  state.device_name = options_.name();
  state.zone = options_.zone;
  {
    base::MutexLock lock(ingest_mutex_);
    LINNET_RETURN_IF_ERROR(Restore());
    state.channels = ingest_->Channels();
  }
  const absl::Time now = clock_.Now();
  const absl::Status read = database_.Read([&]() -> absl::Status {
    if (anomaly_id != 0) {
      LINNET_ASSIGN_OR_RETURN(const repo::AnomalyRow row, anomalies_.Get(static_cast<int64_t>(anomaly_id)));
      state.anomalies.push_back(AnomalyOf(row));
    } else {
      LINNET_ASSIGN_OR_RETURN(const std::vector<repo::AnomalyRow> rows, anomalies_.Latest(32));
      for (const repo::AnomalyRow& row : rows) state.anomalies.push_back(AnomalyOf(row));
    }
    LINNET_ASSIGN_OR_RETURN(const std::vector<repo::InventoryRow> stock, inventory_.List());
    for (const repo::InventoryRow& item : stock) {
      answer::StockItem entry{item.name, item.quantity, item.unit, std::nullopt};
      if (item.use_by) entry.days_left = absl::FDivDuration(*item.use_by - now, absl::Hours(24));
      state.stock.push_back(std::move(entry));
    }
    LINNET_ASSIGN_OR_RETURN(const std::vector<repo::EntityRow> entities, entities_.List());
    for (const repo::EntityRow& entity : entities) {
      state.entities.push_back({entity.name, static_cast<answer::EntityKind>(entity.kind), entity.aliases});
      for (const auto& [what, value] : entity.state) {
        state.known.push_back({entity.name, what, value, what == "temperature" ? "°C" : ""});
      }
    }
    LINNET_ASSIGN_OR_RETURN(state.here, entities_.OwnRoom());
    return absl::OkStatus();
  });
  LINNET_RETURN_IF_ERROR(read);
  return state;
}

absl::StatusOr<AskOutcome> LocalDevice::Ask(const answer::AskRequest& request, uint64_t anomaly_id) {
  LINNET_ASSIGN_OR_RETURN(const answer::DeviceState state, State(anomaly_id));
  AskOutcome outcome;
  LINNET_ASSIGN_OR_RETURN(outcome.answer, asker_.Ask(request, state));
  if (const std::shared_ptr<engine::Engine> engine = models_.engine(); engine != nullptr) {
    outcome.model = engine->info().name;
  }
  const absl::Status kept = database_.Write([&] {
    repo::Exchange exchange;
    exchange.time = clock_.Now();
    exchange.kind = static_cast<int>(outcome.answer.kind);
    exchange.from_template = outcome.answer.from_template;
    exchange.question = request.text;
    exchange.answer = outcome.answer.text;
    return conversations_.Add(exchange);
  });
  // The owner gets the answer even if the disk is full.
  if (!kept.ok())
    base::Log(base::Severity::kWarning, "exchange-not-kept", {{"error", base::LogValue::Error(kept)}});
  return outcome;
}

absl::StatusOr<LocalCounts> LocalDevice::Counts() {
  LocalCounts counts;
  LINNET_RETURN_IF_ERROR(database_.Read([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(counts.readings, readings_->Total());
    LINNET_ASSIGN_OR_RETURN(counts.anomalies, anomalies_.Count());
    return absl::OkStatus();
  }));
  const answer::AskCounters asked = asker_.counters();
  counts.answers = asked.from_model + asked.from_template;
  counts.template_answers = asked.from_template;
  return counts;
}

}  // namespace linnet::device
