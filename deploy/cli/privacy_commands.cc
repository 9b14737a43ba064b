// linnet privacy report: every byte that devices sent to their coordinator and peers, by message and field;
// what they served to peers, counted.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/print.h"
#include "deploy/cli/table.h"
#include "runtime/base/status_macros.h"

namespace linnet::cli {
namespace {

struct Options {
  std::vector<std::string> devices;
  bool every_message = false;
};

// The closed list of linnet.privacy.v1.Kind, in words; whatever is not in it is reported as not allowed.
const std::map<std::string, std::string>& Meanings() {
  static const std::map<std::string, std::string> meanings = {
      {"DEVICE_ID", "random id made at first start"},
      {"PUBLIC_KEY", "public key"},
      {"SIGNATURE", "signature"},
      {"MAC", "proof of the enrolment token"},
      {"HASH", "hash of published data"},
      {"NONCE", "random, once"},
      {"TOKEN_ID", "id of the enrolment token"},
      {"CERTIFICATE", "certificate that the coordinator issued"},
      {"COUNTER", "counter"},
      {"VERSION", "version number"},
      {"OUTCOME", "one of a fixed list"},
      {"CAPACITY", "size of the hardware"},
      {"RECORD", "message of such fields"},
      {"OFFSET", "position in published data"},
      {"PORT", "port that serves other devices"},
      {"CHUNK", "part of a published file"}};
  return meanings;
}

struct FieldTotal {
  uint64_t times = 0, bytes = 0;
  std::string kind;
};

struct Journal {
  std::string label;
  agent::v1::PrivacyJournalResponse totals;
  std::vector<agent::v1::UplinkMessage> messages;
};

absl::StatusOr<Journal> ReadJournal(const std::string& reference) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(reference));
  Journal journal{.label = device.label};
  agent::v1::PrivacyJournalRequest request;
  request.set_limit(1000);
  while (true) {
    agent::v1::PrivacyJournalResponse page;
    LINNET_RETURN_IF_ERROR(
        CallStatus(device.stub->PrivacyJournal(CallContext(10).get(), request, &page), device.label));
    for (const agent::v1::UplinkMessage& message : page.messages()) {
      journal.messages.push_back(message);
      request.set_after_id(std::max(request.after_id(), message.id()));
    }
    const bool last = page.messages_size() < static_cast<int>(request.limit());
    page.clear_messages();
    journal.totals = page;
    if (last) return journal;
  }
}

// Adds the journal to the text; returns how many fields had a meaning outside the closed list.
int Describe(const Journal& journal, bool every_message, std::string& out) {
  std::map<std::string, std::pair<uint64_t, uint64_t>> by_message;  // -> times, bytes
  std::map<std::pair<std::string, std::string>, FieldTotal> by_field;
  int outside = 0;
  for (const agent::v1::UplinkMessage& message : journal.messages) {
    auto& total = by_message[message.message()];
    ++total.first;
    total.second += message.bytes();
    for (const agent::v1::UplinkField& field : message.fields()) {
      FieldTotal& f = by_field[{message.message(), field.name()}];
      ++f.times;
      f.bytes += field.bytes();
      f.kind = field.kind();
      if (!Meanings().contains(field.kind())) ++outside;
    }
  }
  const agent::v1::PrivacyJournalResponse& totals = journal.totals;
  absl::StrAppend(&out, "\n", journal.label, ": ", totals.total_messages(), " messages, ",
                  totals.total_bytes(), " bytes to its fleet in all\n  today ", totals.budget_bytes_today(),
                  " of ", totals.budget_bytes_a_day(), " bytes allowed, and ",
                  totals.bytes_today() - std::min(totals.bytes_today(), totals.budget_bytes_today()),
                  " that an update under way needed\n");
  for (const agent::v1::ServedMessages& served : totals.served()) {
    absl::StrAppend(&out, "  answers to other devices: ", served.messages(), " ",
                    served.message().substr(served.message().find_last_of('.') + 1), ", ", served.bytes(),
                    " bytes\n");
  }
  Table table({"  MESSAGE", "FIELD", "TIMES", "BYTES", "WHAT IT IS"});
  for (const auto& [message, total] : by_message) {
    const bool to_peers = message.starts_with("linnet.peer.");
    table.Add({absl::StrCat("  ", message.substr(message.find_last_of('.') + 1), to_peers ? " to peers" : ""),
               "", absl::StrCat(total.first), absl::StrCat(total.second), ""});
    for (const auto& [key, f] : by_field) {
      if (key.first != message) continue;
      const auto meaning = Meanings().find(f.kind);
      table.Add({"", key.second, absl::StrCat(f.times), absl::StrCat(f.bytes),
                 meaning == Meanings().end() ? absl::StrCat("NOT ALLOWED: ", f.kind) : meaning->second});
    }
  }
  out += table.ToString();
  if (every_message) {
    for (const agent::v1::UplinkMessage& message : journal.messages) {
      absl::StrAppend(&out, "  ", HumanTime(message.time_unix_micros()), "  ", message.message(), "  ",
                      message.bytes(), " bytes", message.for_update() ? ", for an update" : "", "\n");
      for (const agent::v1::UplinkField& field : message.fields()) {
        absl::StrAppend(&out, "      ", field.name(), " = ", field.value(), "  (", field.kind(), ", ",
                        field.bytes(), " bytes)\n");
      }
    }
  }
  return outside;
}

absl::Status Report(const Context& context, const Options& o) {
  std::vector<Journal> journals;
  for (const std::string& reference : o.devices) {
    LINNET_ASSIGN_OR_RETURN(Journal journal, ReadJournal(reference));
    journals.push_back(std::move(journal));
  }
  std::string text;
  int outside = 0;
  uint64_t messages = 0, bytes = 0;
  for (const Journal& journal : journals) {
    outside += Describe(journal, o.every_message, text);
    messages += journal.totals.total_messages();
    bytes += journal.totals.total_bytes();
  }
  if (context.json) {
    nlohmann::ordered_json out = {{"devices", nlohmann::ordered_json::array()}};
    for (const Journal& journal : journals) {
      agent::v1::PrivacyJournalResponse all = journal.totals;
      for (const agent::v1::UplinkMessage& message : journal.messages) *all.add_messages() = message;
      nlohmann::ordered_json device = nlohmann::ordered_json::parse(ToJson(all));
      device["device"] = journal.label;
      out["devices"].push_back(std::move(device));
    }
    out["total_messages"] = messages;
    out["total_bytes"] = bytes;
    out["fields_outside_the_list"] = outside;
    out["user_data_bytes"] = outside == 0 ? nlohmann::ordered_json(0) : nlohmann::ordered_json(nullptr);
    Print(out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    Print(text);
    if (outside == 0) {
      Print(absl::StrCat("In all: ", messages, " messages, ", bytes,
                         " bytes, and every one of them is an id, key, signature, hash, counter, version or "
                         "fixed code of the list "
                         "above.\nNone of it is user data: no question, no answer, no reading, no name left "
                         "these devices."));
    }
  }
  if (outside > 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(outside, " fields are not of the closed list; see NOT ALLOWED above"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddPrivacyCommands(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* group = app.add_subcommand("privacy", "what left a device")->require_subcommand(1);
  CLI::App* report = group->add_subcommand("report",
                                           "every byte sent to coordinator and peers, by message and field; "
                                           "what was served to peers, counted; and today's budget");
  report
      ->add_option("--device,-d", options->devices,
                   "state folder, grant file or paired name; may be given again")
      ->envname("LINNET_DEVICE")
      ->required();
  report->add_flag("--all", options->every_message, "every message with its values, not only sums");
  Runs(report, context, [&context, options] { return Report(context, *options); });
}

}  // namespace linnet::cli
