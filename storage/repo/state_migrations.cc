#include "storage/repo/state_database.h"

namespace linnet::repo {

// Every column here may be shown to a fleet's operator: nothing in state.db is about the device's owner.
std::vector<db::Migration> StateMigrations() {
  return {{101, "start", R"sql(
    CREATE TABLE device(
      only INTEGER PRIMARY KEY CHECK(only = 1),
      device_id BLOB NOT NULL CHECK(length(device_id) = 16),
      name TEXT NOT NULL,
      believed_time INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE enrolment(
      only INTEGER PRIMARY KEY CHECK(only = 1),
      coordinator TEXT NOT NULL,
      spki_sha256 BLOB NOT NULL,
      fleet_root_pem TEXT NOT NULL,
      certificate_chain_pem TEXT NOT NULL,
      key_file TEXT NOT NULL,
      pending_key TEXT NOT NULL,
      enrolled INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE model(
      sha256 BLOB PRIMARY KEY CHECK(length(sha256) = 32),
      target TEXT NOT NULL,
      license TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      release_counter INTEGER NOT NULL,
      installed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE slots(
      only INTEGER PRIMARY KEY CHECK(only = 1),
      active BLOB REFERENCES model(sha256),
      previous BLOB REFERENCES model(sha256),
      trial INTEGER NOT NULL DEFAULT 0,
      boots_left INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    INSERT INTO slots(only) VALUES(1);
    CREATE TABLE release_floor(
      family TEXT PRIMARY KEY, counter INTEGER NOT NULL, sha256 BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE quarantine(
      sha256 BLOB NOT NULL, plan_sha256 BLOB NOT NULL, since INTEGER NOT NULL,
      PRIMARY KEY(sha256, plan_sha256)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE update_attempt(
      attempt INTEGER PRIMARY KEY AUTOINCREMENT,
      open INTEGER NOT NULL,
      state INTEGER NOT NULL,
      plan_path TEXT NOT NULL,
      plan_sha256 BLOB NOT NULL,
      plan_json TEXT NOT NULL,
      model_target TEXT NOT NULL,
      model_sha256 BLOB NOT NULL,
      model_license TEXT NOT NULL,
      model_bytes INTEGER NOT NULL,
      release_counter INTEGER NOT NULL,
      index_json TEXT NOT NULL,
      probe_json TEXT NOT NULL,
      probes INTEGER NOT NULL,
      tries INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      outcome INTEGER NOT NULL,
      reason INTEGER NOT NULL,
      error TEXT NOT NULL,
      started INTEGER NOT NULL,
      changed INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX update_attempt_open ON update_attempt(open) WHERE open = 1;
    CREATE TABLE soak(plan_sha256 BLOB PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE uplink_message(
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      time INTEGER NOT NULL,
      message TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      for_update INTEGER NOT NULL,
      fields TEXT NOT NULL
    ) STRICT;
    CREATE TABLE uplink_total(
      only INTEGER PRIMARY KEY CHECK(only = 1),
      messages INTEGER NOT NULL, bytes INTEGER NOT NULL, stored_bytes INTEGER NOT NULL
    ) STRICT;
    INSERT INTO uplink_total VALUES(1, 0, 0, 0);
    CREATE TABLE uplink_day(
      day INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, budget_bytes INTEGER NOT NULL
    ) STRICT;
  )sql"},
          {102, "revoked devices", R"sql(
    CREATE TABLE revoked(
      only INTEGER PRIMARY KEY CHECK(only = 1),
      version INTEGER NOT NULL,
      json TEXT NOT NULL
    ) STRICT;
  )sql"},
          {103, "suites of releases", R"sql(
    ALTER TABLE update_attempt ADD COLUMN suite_json TEXT NOT NULL DEFAULT '';
    ALTER TABLE update_attempt ADD COLUMN suite_least_ppm INTEGER NOT NULL DEFAULT 0;
  )sql"},
          {104, "heads of the coordinator's log", R"sql(
    CREATE TABLE log_head(
      key BLOB NOT NULL CHECK(length(key) = 32),
      size INTEGER NOT NULL,
      root BLOB NOT NULL CHECK(length(root) = 32),
      signature BLOB NOT NULL CHECK(length(signature) = 64),
      proved INTEGER NOT NULL,
      PRIMARY KEY(key, size, root)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE log_evidence(
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      kind INTEGER NOT NULL,
      key BLOB NOT NULL,
      first_size INTEGER NOT NULL, first_root BLOB NOT NULL, first_signature BLOB NOT NULL,
      second_size INTEGER NOT NULL, second_root BLOB NOT NULL, second_signature BLOB NOT NULL,
      noticed INTEGER NOT NULL,
      UNIQUE(key, first_size, first_root, second_size, second_root)
    ) STRICT;
  )sql"},
          // `damaged` refers to no row: the program before this step forgets models that it finds in no slot.
          {105, "repairs, and trials over several starts", R"sql(
    ALTER TABLE slots ADD COLUMN clean_stop INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE slots ADD COLUMN damaged BLOB;
    ALTER TABLE update_attempt ADD COLUMN state_time INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE update_attempt ADD COLUMN inferences INTEGER NOT NULL DEFAULT 0;
  )sql"},
          {106, "answers to other devices", R"sql(
    CREATE TABLE uplink_served(
      message TEXT PRIMARY KEY,
      messages INTEGER NOT NULL,
      bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
  )sql"}};
}

}  // namespace linnet::repo
