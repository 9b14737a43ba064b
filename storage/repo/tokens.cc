#include "storage/repo/tokens.h"

#include "runtime/base/status_macros.h"

namespace linnet::repo {

absl::Status Tokens::Add(const TokenRow& token) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement add,
      db_.Prepare("INSERT INTO tokens(id, secret, device_name, expires, public_key) VALUES(?,?,?,?,NULL)"));
  add.BindBlob(1, token.id).BindBlob(2, token.secret).BindText(3, token.device_name);
  return add.Bind(4, absl::ToUnixMicros(token.expires)).Run();
}

absl::StatusOr<std::optional<TokenRow>> Tokens::Find(std::string_view id) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT id, secret, device_name, expires, public_key FROM tokens WHERE id=?"));
  select.BindBlob(1, id);
  LINNET_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::nullopt;
  TokenRow row;
  row.id = select.Blob(0);
  row.secret = select.Blob(1);
  row.device_name = select.Text(2);
  row.expires = absl::FromUnixMicros(select.Int(3));
  if (!select.IsNull(4)) row.public_key = select.Blob(4);
  return row;
}

absl::Status Tokens::Bind(std::string_view id, std::string_view public_key) {
  LINNET_ASSIGN_OR_RETURN(db::Statement update, db_.Prepare("UPDATE tokens SET public_key=? WHERE id=?"));
  return update.BindBlob(1, public_key).BindBlob(2, id).Run();
}

absl::Status Tokens::DeleteExpired(absl::Time now) {
  LINNET_ASSIGN_OR_RETURN(db::Statement remove, db_.Prepare("DELETE FROM tokens WHERE expires <= ?"));
  return remove.Bind(1, absl::ToUnixMicros(now)).Run();
}

}  // namespace linnet::repo
