// linnet audit ...: who did what at the coordinator, and whether the log of it is whole.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/print.h"
#include "deploy/cli/table.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/audit/chain.h"

namespace linnet::cli {
namespace {

constexpr uint32_t kPage = 5000;
constexpr uint64_t kMostHeadBytes = 4096;

struct Options {
  SiteOptions site;
  std::string about, head, head_file;
  uint32_t limit = 50;
};

absl::Status List(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  admin::v1::ListAuditRequest request;
  request.set_limit(o.limit);
  request.set_about(o.about);
  admin::v1::ListAuditResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->ListAudit(CallContext(20).get(), request, &response), "coordinator"));
  if (context.json) {
    Print(ToJson(response));
    return absl::OkStatus();
  }
  Table table({"ENTRY", "WHEN", "WHO", "DID", "WHAT"});
  for (const admin::v1::AuditEntry& e : response.entries()) {
    table.Add({absl::StrCat(e.id()), HumanTime(e.time_unix_micros()), e.actor(), e.action(), e.subject()});
  }
  Print(table.ToString());
  return absl::OkStatus();
}

absl::StatusOr<std::optional<audit::Head>> KeptHead(const Options& o) {
  std::string text = o.head;
  if (!o.head_file.empty()) {
    auto file = base::FileSystem::Real().ReadFile(o.head_file, kMostHeadBytes);
    if (absl::IsNotFound(file.status())) return std::optional<audit::Head>();  // the first time
    if (!file.ok()) return file.status();
    text = std::string(absl::StripAsciiWhitespace(*file));
  } else if (text.empty()) {
    return std::optional<audit::Head>();
  }
  absl::StatusOr<audit::Head> head = audit::Head::Parse(text);
  if (!head.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(o.head_file.empty() ? "--head" : o.head_file, ": ", base::Message(head.status())));
  }
  return std::optional<audit::Head>(*std::move(head));
}

// The chain is computed here: the coordinator is not believed, it only hands out its entries.
absl::StatusOr<audit::Head> WalkAll(const Coordinator& coordinator, std::optional<audit::Head> kept) {
  audit::Walk walk(std::move(kept));
  while (true) {
    admin::v1::ListAuditRequest request;
    request.set_limit(kPage);
    request.set_oldest_first(true);
    request.set_after_id(walk.head().id);
    admin::v1::ListAuditResponse page;
    LINNET_RETURN_IF_ERROR(
        CallStatus(coordinator.stub->ListAudit(CallContext(60).get(), request, &page), "coordinator"));
    for (const admin::v1::AuditEntry& e : page.entries()) {
      LINNET_RETURN_IF_ERROR(walk.Next({.id = e.id(),
                                        .time = absl::FromUnixMicros(e.time_unix_micros()),
                                        .actor = e.actor(),
                                        .action = e.action(),
                                        .subject = e.subject(),
                                        .hash = e.hash()}));
    }
    if (page.entries().empty()) break;
  }
  LINNET_RETURN_IF_ERROR(walk.End());
  return walk.head();
}

absl::Status Verify(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const std::optional<audit::Head> kept, KeptHead(o));
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  const absl::StatusOr<audit::Head> head = WalkAll(coordinator, kept);
  if (!head.ok()) return head.status();
  if (!o.head_file.empty()) {
    LINNET_RETURN_IF_ERROR(
        base::FileSystem::Real().WriteFileAtomic(o.head_file, absl::StrCat(head->ToString(), "\n")));
  }
  if (context.json) {
    Print(nlohmann::ordered_json{{"entries", head->id},
                                 {"head", head->ToString()},
                                 {"since", kept.has_value() ? kept->ToString() : ""}}
              .dump(2));
    return absl::OkStatus();
  }
  Print(absl::StrCat("the chain of ", head->id, " entries is whole",
                     kept.has_value() ? absl::StrCat(", and holds the kept entry ", kept->id) : "", "\nhead ",
                     head->ToString(),
                     o.head_file.empty() ? "\nkeep this head away from the coordinator, and give it with "
                                           "--head the next time: it shows a lost tail"
                                         : absl::StrCat("\nkept in ", o.head_file)));
  return absl::OkStatus();
}

}  // namespace

void AddAuditCommands(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* group = app.add_subcommand("audit", "who did what at the coordinator")->require_subcommand(1);

  CLI::App* list = group->add_subcommand("list", "the newest entries");
  list->add_option("--limit", options->limit, "how many (50)")->check(CLI::Range(1, 10'000));
  list->add_option("--about", options->about, "only entries whose subject begins so, e.g. a device's name");
  AddSiteOptions(list, options->site);
  Runs(list, context, [&context, options] { return List(context, *options); });

  CLI::App* verify = group->add_subcommand(
      "verify",
      "walks the whole chain on this machine; exit 3 and the first broken link when it is not whole");
  CLI::Option* head =
      verify->add_option("--head", options->head, "NUMBER:HASH that an earlier verify printed");
  verify->add_option("--head-file", options->head_file, "where the head is kept from one verify to the next")
      ->excludes(head);
  AddSiteOptions(verify, options->site);
  Runs(verify, context, [&context, options] { return Verify(context, *options); });

  AddTransparencyCommand(*group, context);
}

}  // namespace linnet::cli
