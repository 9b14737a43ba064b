#include "storage/db/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::db {
namespace {

// 5 s: a WAL checkpoint on a slow SD card may hold the lock for seconds.
constexpr int kBusyTimeoutMs = 5000;

absl::Status StatusOf(int code, int system_errno, std::string message) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(
          absl::StrCat(message, "; free some space on this disk and try again"));
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return absl::ResourceExhaustedError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(
          absl::StrCat(message, "; move this file aside, or restore it from a backup"));
    case SQLITE_CONSTRAINT:
      return absl::AlreadyExistsError(message);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::PermissionDeniedError(absl::StrCat(message, "; check who owns this file and its folder"));
    case SQLITE_CANTOPEN:
      if (system_errno == EACCES || system_errno == EPERM || system_errno == EROFS) {
        return absl::PermissionDeniedError(
            absl::StrCat(message, "; check who owns this file and its folder"));
      }
      if (system_errno == EMFILE || system_errno == ENFILE) return absl::ResourceExhaustedError(message);
      return absl::UnavailableError(message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
      return absl::UnavailableError(message);
    default:
      return absl::InternalError(message);
  }
}

// The beginning of a statement, in one line, for a message.
std::string Begin(std::string_view sql) {
  constexpr size_t kMost = 60;
  std::string words;
  for (const char c : sql) {
    const bool space = c == ' ' || c == '\n';
    if (space && (words.empty() || words.back() == ' ')) continue;
    if (words.size() == kMost) break;
    words += space ? ' ' : c;
  }
  return words;
}

// SQLite would create the file with the umask's mode, and WAL files take the mode of the database.
absl::Status CreatePrivate(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    const int error = errno;
    const std::string message = absl::StrCat(path, ": cannot open the database: ", std::strerror(error));
    if (error == EACCES || error == EPERM || error == EROFS) {
      return absl::PermissionDeniedError(absl::StrCat(message, "; check who owns this file and its folder"));
    }
    if (error == ENOENT || error == ENOTDIR) {
      return absl::NotFoundError(absl::StrCat(message, "; its folder must exist"));
    }
    if (error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE) {
      return absl::ResourceExhaustedError(message);
    }
    return absl::UnavailableError(message);
  }
  close(fd);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, Durability durability) {
  if (path != ":memory:") LINNET_RETURN_IF_ERROR(CreatePrivate(path));
  sqlite3* handle = nullptr;
  const int rc = sqlite3_open_v2(path.c_str(), &handle,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  std::unique_ptr<Database> db(new Database(path, handle));  // closes the handle even of a failed open
  if (handle == nullptr) return absl::ResourceExhaustedError(absl::StrCat(path, ": out of memory"));
  sqlite3_extended_result_codes(handle, 1);
  if (rc != SQLITE_OK) return db->Error(rc, "open the database");
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // Attached files, huge values and functions with side effects are nothing that our SQL uses.
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // auto_vacuum first: it counts only while the file is empty, and the change to WAL writes the first page.
  // The journal stays small (1 MiB) because flash is; the page cache too (1 MiB).
  LINNET_RETURN_IF_ERROR(
      db->Execute("PRAGMA auto_vacuum=INCREMENTAL;"
                  "PRAGMA journal_mode=WAL;"
                  "PRAGMA foreign_keys=ON;"
                  "PRAGMA wal_autocheckpoint=256;"
                  "PRAGMA journal_size_limit=1048576;"
                  "PRAGMA cache_size=-1024;"
                  "PRAGMA temp_store=MEMORY;"));
  LINNET_RETURN_IF_ERROR(
      db->Execute(durability == Durability::kFull ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
  return db;
}

Database::~Database() { sqlite3_close_v2(db_); }

absl::Status Database::Error(int code, std::string_view doing) const {
  return StatusOf(code, sqlite3_system_errno(db_),
                  absl::StrCat(path_, ": cannot ", std::string(doing), ": ", sqlite3_errmsg(db_)));
}

absl::Status Database::Execute(const std::string& sql) {
  const int rc = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return Error(rc, absl::StrCat("run \"", Begin(sql), "\""));
  return absl::OkStatus();
}

absl::StatusOr<Statement> Database::Prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v3(db_, sql.c_str(), static_cast<int>(sql.size() + 1),
                                    SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return Error(rc, absl::StrCat("prepare \"", Begin(sql), "\""));
  return Statement(this, statement);
}

absl::Status Database::Transact(const std::function<absl::Status()>& body) {
  LINNET_CHECK(sqlite3_get_autocommit(db_) != 0);
  // IMMEDIATE: a transaction that starts as a reader may fail in its middle when it first writes.
  LINNET_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
  absl::Status status = body();
  if (status.ok()) status = Execute("COMMIT");
  // Some errors (disk full, I/O) have rolled back already.
  if (!status.ok() && sqlite3_get_autocommit(db_) == 0) Execute("ROLLBACK").IgnoreError();
  return status;
}

int64_t Database::last_insert_rowid() const { return sqlite3_last_insert_rowid(db_); }
int64_t Database::changes() const { return sqlite3_changes64(db_); }

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(statement_);
    db_ = other.db_;
    statement_ = std::exchange(other.statement_, nullptr);
  }
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int index, int64_t value) {
  LINNET_CHECK(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::Bind(int index, double value) {
  LINNET_CHECK(sqlite3_bind_double(statement_, index, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindText(int index, std::string_view value) {
  // A null pointer would bind NULL; an empty view may have one.
  const char* data = value.data() == nullptr ? "" : value.data();
  LINNET_CHECK(sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) ==
               SQLITE_OK);
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  LINNET_CHECK(sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_TRANSIENT) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindNull(int index) {
  LINNET_CHECK(sqlite3_bind_null(statement_, index) == SQLITE_OK);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  absl::Status error = db_->Error(rc, absl::StrCat("run \"", Begin(sqlite3_sql(statement_)), "\""));
  sqlite3_reset(statement_);
  return error;
}

absl::Status Statement::Run() {
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) return absl::OkStatus();
  }
}

void Statement::Reset() { sqlite3_reset(statement_); }

bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::Double(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Statement::Blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

}  // namespace linnet::db
