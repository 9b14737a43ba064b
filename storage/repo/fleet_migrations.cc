#include "storage/repo/fleet_migrations.h"

namespace linnet::repo {
namespace {

// Times are microseconds since 1970; enumerations are the numbers of fleet.proto and rollout_machine.h.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE devices(
  id BLOB PRIMARY KEY,                -- 16 bytes
  name TEXT NOT NULL,
  public_key BLOB NOT NULL,           -- P-256 point: the key on record
  next_key BLOB,                      -- certified by Renew, not yet seen in a handshake
  enrolled INTEGER NOT NULL,
  certificate_expires INTEGER NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0,
  last_seen INTEGER NOT NULL,
  update_state INTEGER NOT NULL DEFAULT 0,
  model_sha256 BLOB NOT NULL DEFAULT x'',
  release_counter INTEGER NOT NULL DEFAULT 0,
  agent_version INTEGER NOT NULL DEFAULT 0,
  instruction_set INTEGER NOT NULL DEFAULT 0,
  ram_mib INTEGER NOT NULL DEFAULT 0,
  cores INTEGER NOT NULL DEFAULT 0,
  free_flash_mib INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID, STRICT;
CREATE UNIQUE INDEX devices_name ON devices(name) WHERE revoked = 0;

CREATE TABLE tokens(
  id BLOB PRIMARY KEY,                -- 8 bytes
  secret BLOB NOT NULL,               -- needed for the MACs; the row goes when the token expires
  device_name TEXT NOT NULL,
  expires INTEGER NOT NULL,
  public_key BLOB                     -- of the device that it is bound to
) WITHOUT ROWID, STRICT;

CREATE TABLE rollouts(
  id TEXT PRIMARY KEY,                -- the plan's id, hex
  plan TEXT NOT NULL,                 -- target path
  plan_sha256 BLOB NOT NULL UNIQUE,
  plan_json TEXT NOT NULL,
  state INTEGER NOT NULL,
  started INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  why TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE waves(
  rollout TEXT NOT NULL REFERENCES rollouts(id),
  wave INTEGER NOT NULL,
  opened INTEGER NOT NULL,
  PRIMARY KEY(rollout, wave)
) WITHOUT ROWID, STRICT;

CREATE TABLE receipts(
  rollout TEXT NOT NULL REFERENCES rollouts(id),
  device BLOB NOT NULL REFERENCES devices(id),
  attempt INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  counter INTEGER NOT NULL,
  signature BLOB NOT NULL,
  leaf BLOB NOT NULL,                 -- DER
  intermediate BLOB NOT NULL,         -- DER; empty: none
  received INTEGER NOT NULL,
  PRIMARY KEY(rollout, device)
) WITHOUT ROWID, STRICT;

CREATE TABLE audit(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  hash BLOB NOT NULL                  -- over this row and the hash of the one before
) STRICT;
)sql";

constexpr std::string_view kLifts = R"sql(
ALTER TABLE rollouts ADD COLUMN lifts INTEGER NOT NULL DEFAULT 0;          -- signed lifts that were used
ALTER TABLE rollouts ADD COLUMN most_failures INTEGER NOT NULL DEFAULT 0;  -- by the last lift; 0: the plan's
)sql";

// Expired tokens are looked for each time one is made.
constexpr std::string_view kTokenExpiry = "CREATE INDEX tokens_expires ON tokens(expires);";

// Who was told of a plan and who has begun: what shares are counted of. Nothing of devices that were never
// told, so that a rollout over many costs nothing at its start.
constexpr std::string_view kTurns = R"sql(
CREATE TABLE turns(
  rollout TEXT NOT NULL REFERENCES rollouts(id),
  device BLOB NOT NULL REFERENCES devices(id),
  wave INTEGER NOT NULL,
  told INTEGER NOT NULL,
  started INTEGER NOT NULL,           -- 0: not yet
  PRIMARY KEY(rollout, device)
) WITHOUT ROWID, STRICT;
ALTER TABLE waves ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;     -- its deadline was found to be over
ALTER TABLE rollouts ADD COLUMN lifted INTEGER NOT NULL DEFAULT 0;  -- when the last lift was used
)sql";

}  // namespace

const std::vector<db::Migration>& FleetMigrations() {
  static const std::vector<db::Migration> migrations = {{100, "fleet", kFirst},
                                                        {101, "lifts", kLifts},
                                                        {102, "token_expiry", kTokenExpiry},
                                                        {103, "turns", kTurns}};
  return migrations;
}

}  // namespace linnet::repo
