// Delivered answers, line by line: what deploy/starter/score.py scores.
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/answer/intent.h"
#include "agent/answer/recipe.h"
#include "agent/answer/report.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/engine/engine.h"
#include "tests/answer/lines/counting_engine.h"

namespace linnet::answer {
namespace {

using Json = nlohmann::ordered_json;

struct Home {
  std::string here;
  std::vector<Entity> entities;
};

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<std::string> Text(const Json& line, const char* field) {
  const auto at = line.find(field);
  if (at == line.end() || !at->is_string()) return Bad(absl::StrCat("\"", field, "\" is no text"));
  return at->get<std::string>();
}

absl::StatusOr<double> Number(const Json& line, const char* field) {
  const auto at = line.find(field);
  if (at == line.end() || !at->is_number()) return Bad(absl::StrCat("\"", field, "\" is no number"));
  return at->get<double>();
}

// The value of an enum whose members are 0, 1, ... by its name.
template <typename Enum>
absl::StatusOr<Enum> Named(const Json& line, const char* field, int count) {
  LINNET_ASSIGN_OR_RETURN(const std::string name, Text(line, field));
  for (int i = 0; i < count; ++i) {
    if (Name(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  return Bad(absl::StrCat("\"", field, "\" is ", name));
}

absl::Status AddEntities(const Json& lists, EntityKind kind, Home& home) {
  if (!lists.is_array()) return Bad("a home's rooms and devices are lists of [name, alias...]");
  for (const Json& names : lists) {
    Entity entity;
    entity.kind = kind;
    for (const Json& name : names) {
      if (!name.is_string()) return Bad("a name is no text");
      (entity.name.empty() ? entity.name : entity.aliases.emplace_back()) = name.get<std::string>();
    }
    home.entities.push_back(std::move(entity));
  }
  return absl::OkStatus();
}

class Answerer {
 public:
  Answerer(engine::Engine& engine, bool free) : engine_(engine), model_(Model::Of(&engine_)), free_(free) {}

  // Null for a line that only describes a home.
  absl::StatusOr<Json> Answer(const Json& line) {
    if (!line.is_object()) return Bad("a line is no object");
    if (!line.contains("task")) {
      LINNET_RETURN_IF_ERROR(KeepHome(line));
      return Json();
    }
    LINNET_ASSIGN_OR_RETURN(const std::string lang, Text(line, "lang"));
    if (lang != "en" && lang != "de") return Bad("\"lang\" is " + lang);
    language_ = lang == "de" ? Language::kGerman : Language::kEnglish;
    LINNET_ASSIGN_OR_RETURN(const std::string task, Text(line, "task"));
    Json out;
    engine_.Reset();
    const absl::Time begun = absl::Now();
    if (task == "intent") {
      LINNET_ASSIGN_OR_RETURN(out, OfIntent(line));
    } else if (task == "report") {
      LINNET_ASSIGN_OR_RETURN(out, OfReport(line));
    } else if (task == "recipe") {
      LINNET_ASSIGN_OR_RETURN(out, OfRecipe(line));
    } else {
      return Bad("\"task\" is " + task);
    }
    out["ms"] = absl::ToDoubleMilliseconds(absl::Now() - begun);
    out["evaluated"] = engine_.evaluated;
    out["generated"] = engine_.generated;
    out["forced"] = engine_.forced;
    if (free_) {
      const auto text = model_->Complete(prompt_, nullptr, {});
      out["free"] = text.ok() ? *text : "";
    }
    return out;
  }

 private:
  absl::Status KeepHome(const Json& line) {
    Home home;
    LINNET_ASSIGN_OR_RETURN(const std::string name, Text(line, "home"));
    LINNET_ASSIGN_OR_RETURN(home.here, Text(line, "here"));
    LINNET_RETURN_IF_ERROR(AddEntities(line.value("rooms", Json::array()), EntityKind::kRoom, home));
    LINNET_RETURN_IF_ERROR(AddEntities(line.value("devices", Json::array()), EntityKind::kDevice, home));
    homes_[name] = std::move(home);
    return absl::OkStatus();
  }

  static void Source(bool from_template, Fallback why, Json& out) {
    out["template"] = from_template;
    out["why"] = std::string(Name(why));
  }

  absl::StatusOr<Json> OfIntent(const Json& line) {
    LINNET_ASSIGN_OR_RETURN(const std::string said, Text(line, "say"));
    LINNET_ASSIGN_OR_RETURN(const std::string name, Text(line, "home"));
    const auto home = homes_.find(name);
    if (home == homes_.end()) return Bad("no home " + name);
    IntentOptions options;
    options.language = language_;
    options.here = home->second.here;
    LINNET_ASSIGN_OR_RETURN(const Intent intent,
                            FindIntent(said, home->second.entities, options, model_.get()));
    const Linked linked = Link(said, home->second.entities, language_);
    prompt_ = IntentPrompt(linked, language_);
    Json slots = Json::object();
    for (size_t i = 0; i < linked.rooms.size(); ++i) slots[absl::StrCat("{r", i + 1, "}")] = linked.rooms[i];
    for (size_t i = 0; i < linked.devices.size(); ++i)
      slots[absl::StrCat("{d", i + 1, "}")] = linked.devices[i];
    for (size_t i = 0; i < linked.numbers.size(); ++i)
      slots[absl::StrCat("{n", i + 1, "}")] = linked.numbers[i];
    slots["here"] = home->second.here;
    Json out;
    out["slots"] = std::move(slots);
    out["calls"] = Json::parse(intent.json);
    out["refusal"] = intent.refusal;
    out["question"] = intent.question;
    out["prompt"] = prompt_;
    Source(intent.from_template, intent.why, out);
    return out;
  }

  absl::StatusOr<Json> OfReport(const Json& line) {
    sensors::Anomaly anomaly;
    LINNET_ASSIGN_OR_RETURN(const std::string device, Text(line, "device"));
    LINNET_ASSIGN_OR_RETURN(anomaly.kind, Named<sensors::SensorKind>(line, "kind", 32));
    LINNET_ASSIGN_OR_RETURN(anomaly.direction, Named<sensors::Direction>(line, "direction", 4));
    LINNET_ASSIGN_OR_RETURN(anomaly.severity, Named<sensors::Severity>(line, "severity", 3));
    LINNET_ASSIGN_OR_RETURN(anomaly.value, Number(line, "value"));
    LINNET_ASSIGN_OR_RETURN(anomaly.baseline, Number(line, "baseline"));
    LINNET_ASSIGN_OR_RETURN(anomaly.unit, Text(line, "unit"));
    anomaly.sequence = line.value("sequence", uint64_t{0});
    anomaly.axis = line.value("axis", "");
    anomaly.z = line.value("z", 0.0);
    anomaly.duration = absl::Seconds(line.value("seconds", 0.0));
    if (line.contains("start")) {
      std::string error;
      if (!absl::ParseTime(absl::RFC3339_full, line.value("start", ""), &anomaly.start, &error))
        return Bad("\"start\": " + error);
    }
    ReportOptions options;
    options.language = language_;
    const Report report = WriteReport(anomaly, device, options, model_.get());
    prompt_ = engine_.prompt;
    Json out;
    out["text"] = report.text;
    out["speech"] = report.speech;
    out["prompt"] = prompt_;
    Source(report.from_template, report.why, out);
    return out;
  }

  absl::StatusOr<Json> OfRecipe(const Json& line) {
    std::vector<StockItem> stock;
    for (const Json& entry : line.value("stock", Json::array())) {
      StockItem item;
      LINNET_ASSIGN_OR_RETURN(item.name, Text(entry, "name"));
      LINNET_ASSIGN_OR_RETURN(item.quantity, Number(entry, "quantity"));
      item.unit = entry.value("unit", "");
      if (entry.contains("days")) item.days_left = entry.value("days", 0.0);
      stock.push_back(std::move(item));
    }
    RecipeOptions options;
    options.language = language_;
    LINNET_ASSIGN_OR_RETURN(const Recipe recipe, SuggestRecipe(stock, options, model_.get()));
    prompt_ = engine_.prompt;
    Json out;
    out["recipe"] = Json::parse(recipe.json);
    out["prompt"] = prompt_;
    Source(recipe.from_template, recipe.why, out);
    return out;
  }

  CountingEngine engine_;
  std::unique_ptr<Model> model_;
  const bool free_;
  std::map<std::string, Home> homes_;
  Language language_ = Language::kEnglish;
  std::string prompt_;  // of the last answer
};

absl::Status Run(const std::string& path, bool free) {
  engine::EngineOptions options;
  options.threads = 1;
  LINNET_ASSIGN_OR_RETURN(const auto engine, engine::Engine::Load(base::FileSystem::Real(), path, options));
  Answerer answerer(*engine, free);
  std::string text;
  for (size_t number = 1; std::getline(std::cin, text); ++number) {
    const Json line = Json::parse(text, nullptr, false);
    absl::StatusOr<Json> answer = answerer.Answer(line);
    if (!answer.ok()) return Bad(absl::StrCat("line ", number, ": ", answer.status().message()));
    if (!answer->is_null()) std::cout << answer->dump() << "\n";
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace linnet::answer

int main(int argc, char** argv) {
  const bool free = argc == 3 && std::string(argv[2]) == "--free";
  if (argc != 2 && !free) {
    std::fprintf(stderr, "usage: linnet-answer-lines FILE.gguf [--free] < QUESTIONS > ANSWERS\n");
    return 2;
  }
  const absl::Status status = linnet::answer::Run(argv[1], free);
  if (status.ok()) return 0;
  std::fprintf(stderr, "linnet-answer-lines: %s\n", std::string(status.message()).c_str());
  return 2;
}
