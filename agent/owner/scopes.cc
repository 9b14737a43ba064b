#include "agent/owner/scopes.h"

#include <array>

#include "absl/strings/str_cat.h"

namespace linnet::owner {
namespace {

constexpr std::array<Scope, 5> kScopes = {Scope::kAsk, Scope::kIngest, Scope::kReadData, Scope::kManage,
                                          Scope::kMetrics};

}  // namespace

std::string_view Name(Scope scope) {
  switch (scope) {
    case Scope::kAsk:
      return "ask";
    case Scope::kIngest:
      return "ingest";
    case Scope::kReadData:
      return "read-data";
    case Scope::kManage:
      return "manage";
    case Scope::kMetrics:
      return "metrics";
  }
  return "unknown";
}

absl::StatusOr<Scopes> Scopes::FromNames(const std::vector<std::string>& names) {
  Scopes scopes;
  for (const std::string& name : names) {
    bool known = false;
    for (const Scope scope : kScopes) {
      if (name == Name(scope)) {
        scopes.Add(scope);
        known = true;
      }
    }
    if (!known) {
      return absl::InvalidArgumentError(
          absl::StrCat("scope \"", name.substr(0, 32),
                       "\" is unknown; there are ask, ingest, read-data, manage, "
                       "metrics"));
    }
  }
  if (scopes.bits() == 0) {
    return absl::InvalidArgumentError(
        "a grant needs at least one scope of ask, ingest, read-data, manage, metrics");
  }
  return scopes;
}

std::vector<std::string> Scopes::Names() const {
  std::vector<std::string> names;
  for (const Scope scope : kScopes) {
    if (Has(scope)) names.emplace_back(Name(scope));
  }
  return names;
}

}  // namespace linnet::owner
