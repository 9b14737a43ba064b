#include "storage/repo/user_migrations.h"

namespace linnet::repo {
namespace {

// Every column says whether it is sealed or plain. Times are microseconds since 1970.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE channels(
  id INTEGER PRIMARY KEY,            -- plain
  name_key BLOB NOT NULL UNIQUE,     -- keyed hash of the name
  texts BLOB NOT NULL,               -- sealed: name, unit
  readings INTEGER NOT NULL,         -- plain: how many ever came
  last_time INTEGER NOT NULL         -- plain
) STRICT;

CREATE TABLE reading_blocks(
  id INTEGER PRIMARY KEY,            -- plain, in order of arrival
  channel_id INTEGER NOT NULL REFERENCES channels(id) ON DELETE CASCADE,
  readings INTEGER NOT NULL,         -- plain: how many are in data
  bytes INTEGER NOT NULL,            -- plain: length of data
  first_time INTEGER NOT NULL,       -- plain
  last_time INTEGER NOT NULL,        -- plain
  data BLOB NOT NULL                 -- sealed: times and values
) STRICT;
CREATE INDEX reading_blocks_of_channel ON reading_blocks(channel_id, id);
CREATE INDEX reading_blocks_age ON reading_blocks(last_time, bytes);

CREATE TABLE anomalies(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  channel_key BLOB NOT NULL,         -- keyed hash of the channel's name
  start_time INTEGER NOT NULL,       -- plain
  duration INTEGER NOT NULL,         -- plain, microseconds
  kind INTEGER NOT NULL,             -- plain, as are direction, severity, ongoing
  direction INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  ongoing INTEGER NOT NULL,
  facts BLOB NOT NULL,               -- sealed: channel, unit, axis, feature, value, baseline, z
  UNIQUE(channel_key, start_time)
) STRICT;

CREATE TABLE inventory(
  position INTEGER PRIMARY KEY,      -- plain
  quantity REAL NOT NULL,            -- plain
  use_by INTEGER,                    -- plain: time; NULL when the owner gave none
  texts BLOB NOT NULL                -- sealed: name, unit
) STRICT;

CREATE TABLE entities(
  position INTEGER PRIMARY KEY,      -- plain
  kind INTEGER NOT NULL,             -- plain
  texts BLOB NOT NULL                -- sealed: name, room, aliases, states
) STRICT;

CREATE TABLE settings(
  name TEXT PRIMARY KEY,             -- plain: a word of the program
  value BLOB NOT NULL                -- sealed
) STRICT;

CREATE TABLE exchanges(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,             -- plain
  kind INTEGER NOT NULL,             -- plain
  from_template INTEGER NOT NULL,    -- plain
  texts BLOB NOT NULL                -- sealed: question, answer
) STRICT;
)sql";

}  // namespace

std::vector<db::Migration> UserMigrations() { return {{1, "first", kFirst}}; }

}  // namespace linnet::repo
