// linnet ingest, anomalies, inventory, entities: the user's data, on the way into a device and out to its
// owner.
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/print.h"
#include "deploy/cli/table.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"

namespace linnet::cli {
namespace {

using nlohmann::json;

struct Options {
  std::string device, file, channel, unit;
  uint32_t limit = 0;
};

constexpr int kBatch = 512;  // readings in a message: a few KiB

struct Row {
  std::string channel, unit;
  agent::v1::Reading reading;
};

bool ParseDouble(const std::string& text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Seconds since 1970 (with a fraction) or "2014-02-14 21:30:00" (UTC).
bool ParseTime(const std::string& text, int64_t& micros) {
  double seconds = 0;
  if (ParseDouble(text, seconds)) {
    if (!(seconds >= 0 && seconds < 1e11)) return false;
    micros = static_cast<int64_t>(seconds * 1e6);
    return true;
  }
  absl::Time time;
  std::string error;
  if (!absl::ParseTime("%Y-%m-%d %H:%M:%E*S", text, &time, &error) &&
      !absl::ParseTime("%Y-%m-%dT%H:%M:%E*SZ", text, &time, &error)) {
    return false;
  }
  micros = absl::ToUnixMicros(time);
  return true;
}

// Two columns (timestamp,value; --channel names it) or four (time,channel,unit,value); the first line is a
// header.
absl::StatusOr<Row> ParseRow(const std::string& line, const Options& o) {
  const std::vector<std::string> cells = absl::StrSplit(line, ',');
  Row row;
  int64_t micros = 0;
  double value = 0;
  if (cells.size() == 4) {
    row.channel = cells[1];
    row.unit = cells[2];
  } else if (cells.size() == 2 && !o.channel.empty()) {
    row.channel = o.channel;
    row.unit = o.unit;
  } else {
    return absl::InvalidArgumentError(
        "expected time,channel,unit,value, or time,value together with --channel");
  }
  if (!ParseTime(cells[0], micros)) return absl::InvalidArgumentError("the first column is not a time");
  if (!ParseDouble(cells.back(), value)) return absl::InvalidArgumentError("the last column is not a number");
  row.reading.set_time_unix_micros(micros);
  row.reading.set_value(value);
  return row;
}

std::string_view StateName(agent::v1::AnomalyState state) {
  switch (state) {
    case agent::v1::HIGH:
      return "high";
    case agent::v1::LOW:
      return "low";
    case agent::v1::UNSTEADY:
      return "unsteady";
    case agent::v1::STUCK:
      return "stuck";
    default:
      return "?";
  }
}

std::string_view SeverityName(agent::v1::AnomalySeverity severity) {
  switch (severity) {
    case agent::v1::INFO:
      return "info";
    case agent::v1::WARNING:
      return "warning";
    case agent::v1::CRITICAL:
      return "critical";
    default:
      return "?";
  }
}

std::string Anomalies(const google::protobuf::RepeatedPtrField<agent::v1::Anomaly>& anomalies) {
  Table table({"ID", "START (UTC)", "CHANNEL", "STATE", "SEVERITY", "VALUE", "BASELINE", "Z", "FOR"});
  for (const agent::v1::Anomaly& a : anomalies) {
    table.Add({absl::StrCat(a.id()),
               absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMicros(a.start_unix_micros()),
                                absl::UTCTimeZone()),
               a.channel(), std::string(StateName(a.state())), std::string(SeverityName(a.severity())),
               absl::StrFormat("%.4g %s", a.value(), a.unit()),
               absl::StrFormat("%.4g %s", a.baseline(), a.unit()), absl::StrFormat("%.1f", a.z()),
               absl::StrCat(a.duration_micros() / 1'000'000, " s", a.ongoing() ? " and on" : "")});
  }
  return table.ToString();
}

absl::Status Ingest(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, base::FileSystem::Real().Stat(o.file));
  if (info.is_directory) return absl::InvalidArgumentError(absl::StrCat(o.file, ": is a folder, not a file"));
  std::ifstream file(o.file);
  if (!file) return absl::NotFoundError(absl::StrCat(o.file, ": cannot open"));
  const auto call = CallContext(600);
  agent::v1::IngestResponse response;
  const auto writer = device.stub->Ingest(call.get(), &response);
  std::map<std::string, agent::v1::IngestRequest> batches;
  std::string line;
  uint64_t number = 0, sent = 0;
  bool open = true;
  absl::Status bad;
  while (open && std::getline(file, line)) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    auto row = base::IsUtf8(line) ? ParseRow(line, o) : absl::InvalidArgumentError("is not UTF-8 text");
    if (!row.ok()) {
      if (number == 1 && base::IsUtf8(line)) continue;  // the header
      bad = absl::InvalidArgumentError(
          absl::StrCat(o.file, ":", number, ": ", std::string(row.status().message())));
      break;
    }
    agent::v1::IngestRequest& batch = batches[row->channel];
    batch.set_channel(row->channel);
    batch.set_unit(row->unit);
    *batch.add_readings() = row->reading;
    if (batch.readings_size() >= kBatch) {
      sent += static_cast<uint64_t>(batch.readings_size());
      open = writer->Write(batch);
      batch.clear_readings();
    }
  }
  for (auto& [name, batch] : batches) {
    if (open && bad.ok() && batch.readings_size() > 0) {
      sent += static_cast<uint64_t>(batch.readings_size());
      open = writer->Write(batch);
    }
  }
  if (bad.ok() && open && sent == 0) {
    bad = absl::InvalidArgumentError(absl::StrCat(
        o.file, ": there is no reading in it; expected lines time,channel,unit,value after a header"));
  }
  if (!bad.ok()) {
    call->TryCancel();
    (void)writer->Finish();
    return bad;
  }
  writer->WritesDone();
  LINNET_RETURN_IF_ERROR(CallStatus(writer->Finish(), device.label));
  if (response.readings() + response.rejected() != sent) {
    return absl::DataLossError(absl::StrCat(device.label, ": answered for ",
                                            response.readings() + response.rejected(), " of the ", sent,
                                            " readings sent; send them again"));
  }
  if (context.json) {
    Print(ToJson(response));
    return absl::OkStatus();
  }
  Print(absl::StrCat(
      response.readings(), " readings taken, ", response.rejected(), " rejected",
      response.first_rejection().empty() ? "" : absl::StrCat(" (first: ", response.first_rejection(), ")"),
      "; ", response.anomalies_size(), " anomalies found"));
  if (response.anomalies_size() > 0) Print(Anomalies(response.anomalies()));
  return absl::OkStatus();
}

absl::Status ListAnomalies(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::ListAnomaliesRequest request;
  request.set_limit(o.limit);
  agent::v1::ListAnomaliesResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->ListAnomalies(CallContext(10).get(), request, &response), device.label));
  Print(context.json ? ToJson(response) : Anomalies(response.anomalies()));
  return absl::OkStatus();
}

absl::StatusOr<json> ReadJsonFile(const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const std::string text, base::FileSystem::Real().ReadFile(path, 4 << 20));
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return absl::DataLossError(absl::StrCat(path, ": not JSON"));
  return value;
}

// A member of a JSON object as T; absent gives `fallback`, another type an error that names it.
template <typename T>
absl::StatusOr<T> Member(const json& object, const char* key, T fallback, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return fallback;
  const bool fits = std::is_same_v<T, std::string> ? found->is_string()
                    : std::is_integral_v<T>        ? found->is_number_integer()
                                                   : found->is_number();
  if (!fits) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": \"", key, "\" is no ",
                                                   std::is_same_v<T, std::string> ? "text"
                                                   : std::is_integral_v<T>        ? "whole number"
                                                                                  : "number"));
  }
  if constexpr (std::is_integral_v<T>) {
    const auto value = found->template get<int64_t>();
    if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max() ||
        (found->is_number_unsigned() &&
         found->template get<uint64_t>() > uint64_t{std::numeric_limits<int32_t>::max()})) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": \"", key, "\" is out of range"));
    }
    return static_cast<T>(value);
  }
  return found->template get<T>();
}

absl::Status SetInventory(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  LINNET_ASSIGN_OR_RETURN(const json list, ReadJsonFile(o.file));
  if (!list.is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat(o.file, ": expected a list of {\"name\", \"quantity\", \"unit\", \"days_left\"}"));
  }
  agent::v1::SetInventoryRequest request;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string where = absl::StrCat(o.file, ": item ", i);
    if (!list[i].is_object()) return absl::InvalidArgumentError(absl::StrCat(where, " is not an object"));
    agent::v1::InventoryItem* item = request.add_items();
    LINNET_ASSIGN_OR_RETURN(*item->mutable_name(), Member<std::string>(list[i], "name", "", where));
    if (item->name().empty()) return absl::InvalidArgumentError(absl::StrCat(where, " has no name"));
    LINNET_ASSIGN_OR_RETURN(const double quantity, Member<double>(list[i], "quantity", 1.0, where));
    item->set_quantity(quantity);
    LINNET_ASSIGN_OR_RETURN(*item->mutable_unit(), Member<std::string>(list[i], "unit", "", where));
    if (list[i].contains("days_left")) {
      LINNET_ASSIGN_OR_RETURN(const int32_t days, Member<int32_t>(list[i], "days_left", 0, where));
      item->set_days_left(days);
    }
  }
  agent::v1::SetInventoryResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->SetInventory(CallContext(10).get(), request, &response), device.label));
  Print(context.json ? ToJson(response) : absl::StrCat(response.items(), " items in stock"));
  return absl::OkStatus();
}

absl::Status SetEntities(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  LINNET_ASSIGN_OR_RETURN(const json file, ReadJsonFile(o.file));
  if (!file.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(o.file, ": expected {\"own_room\", \"rooms\": [...], \"devices\": [...]}"));
  }
  agent::v1::SetEntitiesRequest request;
  LINNET_ASSIGN_OR_RETURN(*request.mutable_own_room(), Member<std::string>(file, "own_room", "", o.file));
  for (const auto& [key, kind] :
       {std::pair{"rooms", agent::v1::ROOM}, std::pair{"devices", agent::v1::DEVICE}}) {
    if (!file.contains(key)) continue;
    if (!file[key].is_array())
      return absl::InvalidArgumentError(absl::StrCat(o.file, ": \"", key, "\" is not a list"));
    for (size_t i = 0; i < file[key].size(); ++i) {
      const json& object = file[key][i];
      const std::string where = absl::StrCat(o.file, ": ", key, "[", i, "]");
      if (!object.is_object()) return absl::InvalidArgumentError(absl::StrCat(where, " is not an object"));
      agent::v1::Entity* entity = request.add_entities();
      entity->set_kind(kind);
      LINNET_ASSIGN_OR_RETURN(*entity->mutable_name(), Member<std::string>(object, "name", "", where));
      LINNET_ASSIGN_OR_RETURN(*entity->mutable_room(), Member<std::string>(object, "room", "", where));
      if (object.contains("aliases")) {
        if (!object["aliases"].is_array())
          return absl::InvalidArgumentError(absl::StrCat(where, ": \"aliases\" is not a list"));
        for (const json& alias : object["aliases"]) {
          if (!alias.is_string())
            return absl::InvalidArgumentError(absl::StrCat(where, ": an alias is no text"));
          entity->add_aliases(alias.get<std::string>());
        }
      }
      if (object.contains("state")) {
        if (!object["state"].is_object())
          return absl::InvalidArgumentError(absl::StrCat(where, ": \"state\" is not an object"));
        for (const auto& [name, value] : object["state"].items()) {
          (*entity->mutable_state())[name] = value.is_string() ? value.get<std::string>() : value.dump();
        }
      }
    }
  }
  agent::v1::SetEntitiesResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->SetEntities(CallContext(10).get(), request, &response), device.label));
  Print(context.json ? ToJson(response) : absl::StrCat(response.entities(), " rooms and devices known"));
  return absl::OkStatus();
}

}  // namespace

void AddDataCommands(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* ingest = app.add_subcommand("ingest", "stream a recording of sensor readings into a device");
  ingest->add_option("file", options->file, "CSV: time,channel,unit,value, or time,value with --channel")
      ->required();
  AddDeviceOption(ingest, options->device);
  ingest->add_option("--channel", options->channel, "channel of a two-column file");
  ingest->add_option("--unit", options->unit, "its unit");
  Runs(ingest, context, [&context, options] { return Ingest(context, *options); });

  CLI::App* anomalies = app.add_subcommand("anomalies", "what a device found in its readings");
  AddDeviceOption(anomalies, options->device);
  anomalies->add_option("--limit", options->limit, "newest first, at most (100)");
  Runs(anomalies, context, [&context, options] { return ListAnomalies(context, *options); });

  CLI::App* inventory = app.add_subcommand("inventory", "tell a device what is in stock");
  inventory->add_option("file", options->file, "JSON list of {name, quantity, unit, days_left}")->required();
  AddDeviceOption(inventory, options->device);
  Runs(inventory, context, [&context, options] { return SetInventory(context, *options); });

  CLI::App* entities = app.add_subcommand("entities", "tell a device which rooms and devices exist");
  entities
      ->add_option("file", options->file, "JSON {own_room, rooms: [{name, aliases, state}], devices: [...]}")
      ->required();
  AddDeviceOption(entities, options->device);
  Runs(entities, context, [&context, options] { return SetEntities(context, *options); });
}

}  // namespace linnet::cli
