#include "agent/owner/grant_store.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::owner {
namespace {

constexpr std::string_view kSealedAs = "owner.grants";
constexpr uint64_t kMaxFileBytes = 1 << 20;

using nlohmann::json;

// json::value throws when the type is another one; these do not.
const std::string* TextOf(const json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? nullptr : it->get_ptr<const json::string_t*>();
}

std::optional<int64_t> IntOf(const json& object, const char* key) {
  const auto it = object.find(key);
  // Above the range of int64_t it is unsigned and too large.
  if (it == object.end() || !it->is_number_integer()) return std::nullopt;
  if (it->is_number_unsigned() && it->get<uint64_t>() > uint64_t{INT64_MAX}) return std::nullopt;
  return it->get<int64_t>();
}

std::optional<bool> BoolOf(const json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_boolean()) return std::nullopt;
  return it->get<bool>();
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrantStore>> GrantStore::Open(base::FileSystem& fs, std::string path,
                                                             repo::FieldCipher cipher) {
  std::unique_ptr<GrantStore> store(new GrantStore(fs, std::move(path), std::move(cipher)));
  LINNET_RETURN_IF_ERROR(store->Load());
  return store;
}

absl::Status GrantStore::Load() {
  const absl::StatusOr<std::string> file = fs_.ReadFile(path_, kMaxFileBytes);
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(file.status());
  const absl::StatusOr<std::string> text = cipher_.Open(*file, kSealedAs);
  const json root = text.ok() ? json::parse(*text, nullptr, /*allow_exceptions=*/false) : json();
  const absl::Status damaged = absl::DataLossError(
      absl::StrCat(path_,
                   ": does not open under this device's key; restore it, or remove it to start without "
                   "grants"));
  if (!root.is_array()) return damaged;
  for (const json& item : root) {
    if (!item.is_object()) return damaged;
    const std::string* id = TextOf(item, "id");
    const std::string* name = TextOf(item, "name");
    const std::string* token_sha256 = TextOf(item, "token_sha256");
    const std::optional<int64_t> scopes = IntOf(item, "scopes");
    const std::optional<int64_t> created = IntOf(item, "created");
    const std::optional<int64_t> expires = IntOf(item, "expires");
    const std::optional<bool> revoked = BoolOf(item, "revoked");
    if (!id || !name || !token_sha256 || !scopes || !created || !expires || !revoked) return damaged;
    if (*scopes < 0 || *scopes > UINT8_MAX) return damaged;
    Entry entry;
    entry.grant = {.id = *id,
                   .name = *name,
                   .scopes = Scopes::FromBits(static_cast<uint8_t>(*scopes)),
                   .created = absl::FromUnixMicros(*created),
                   .expires = absl::FromUnixMicros(*expires),
                   .revoked = *revoked};
    const std::optional<std::string> hash = base::UnHex(*token_sha256);
    if (!hash || hash->size() != 32) return damaged;
    entry.token_sha256 = *hash;
    entries_.push_back(std::move(entry));
  }
  return absl::OkStatus();
}

absl::Status GrantStore::Save(const std::vector<Entry>& entries) {
  json root = json::array();
  for (const Entry& entry : entries) {
    root.push_back({{"id", entry.grant.id},
                    {"name", entry.grant.name},
                    {"scopes", entry.grant.scopes.bits()},
                    {"created", absl::ToUnixMicros(entry.grant.created)},
                    {"expires", absl::ToUnixMicros(entry.grant.expires)},
                    {"revoked", entry.grant.revoked},
                    {"token_sha256", base::Hex(std::string_view(entry.token_sha256))}});
  }
  return fs_.WriteFileAtomic(
      path_, cipher_.Seal(root.dump(-1, ' ', false, json::error_handler_t::replace), kSealedAs), 0600);
}

absl::Status GrantStore::Add(const Grant& grant, std::string token_sha256, absl::Time now) {
  std::vector<Entry> entries = entries_;
  if (entries.size() >= kMaxGrants) {
    const auto spent = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
      return entry.grant.revoked || entry.grant.expires <= now;
    });
    if (spent == entries.end()) {
      return absl::ResourceExhaustedError(
          absl::StrCat("this device has ", kMaxGrants, " grants already; revoke one that is not needed"));
    }
    entries.erase(spent);
  }
  entries.push_back({grant, std::move(token_sha256)});
  LINNET_RETURN_IF_ERROR(Save(entries));
  entries_ = std::move(entries);
  return absl::OkStatus();
}

absl::Status GrantStore::Revoke(const std::string& id) {
  std::vector<Entry> entries = entries_;
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.grant.id == id; });
  if (found == entries.end()) {
    return absl::NotFoundError("no grant has this id; ListGrants shows those that exist");
  }
  if (found->grant.revoked) return absl::OkStatus();
  found->grant.revoked = true;
  LINNET_RETURN_IF_ERROR(Save(entries));
  entries_ = std::move(entries);
  return absl::OkStatus();
}

std::vector<Grant> GrantStore::List() const {
  std::vector<Grant> grants;
  for (const Entry& entry : entries_) grants.push_back(entry.grant);
  return grants;
}

std::optional<Grant> GrantStore::FindById(std::string_view id) const {
  for (const Entry& entry : entries_) {
    if (entry.grant.id == id) return entry.grant;
  }
  return std::nullopt;
}

std::optional<Grant> GrantStore::FindByToken(std::string_view token_sha256) const {
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    if (base::ConstantTimeEqual(entry.token_sha256, token_sha256)) found = &entry;
  }
  if (found == nullptr) return std::nullopt;
  return found->grant;
}

}  // namespace linnet::owner
