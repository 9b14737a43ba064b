// Any bytes as TUF metadata of each kind: refused, or usable without harm. Nothing that a fuzzer finds is
// signed.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/status_macros.h"
#include "storage/trust/metadata.h"
#include "storage/trust/trusted_set.h"

namespace {

using namespace linnet::trust;  // NOLINT(google-build-using-namespace): one short function

void UseTargets(const Targets& targets) {
  for (const auto& [path, file] : targets.targets) {
    MakeTargetInfo(path, "targets", file).IgnoreError();
    for (const Delegation& delegation : targets.delegations) delegation.Covers(path);
    if (targets.succinct) LINNET_CHECK(targets.succinct->IsBin(targets.succinct->BinOf(path)));
  }
  for (const Delegation& delegation : targets.delegations) {
    LINNET_CHECK(targets.KeysOf(delegation.name) != nullptr || targets.succinct.has_value());
    for (const std::string& pattern : delegation.paths) PathMatches(pattern, "models/starter/x-1.gguf");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto envelope = Envelope::Parse(bytes);
  if (!envelope.ok()) return 0;
  ParseTimestamp(*envelope).IgnoreError();
  ParseSnapshot(*envelope).IgnoreError();
  if (const auto targets = ParseTargets(*envelope); targets.ok()) UseTargets(*targets);
  if (const auto root = ParseRoot(*envelope); root.ok()) {
    VerifySignatures(*envelope, kRoot, root->roles.find(kRoot)->second, root->keys).IgnoreError();
    const auto set = TrustedSet::Create(bytes, absl::UnixEpoch());
    LINNET_CHECK(!set.ok() || set->version(kRoot) == root->version);
  }
  return 0;
}
