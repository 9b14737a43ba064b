#include "tests/perf/fleet_sim/seed.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "coordinator/authority.h"
#include "coordinator/fleet_database.h"
#include "coordinator/site_files.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/x509.h"
#include "storage/repo/sightings.h"

namespace linnet::fleet_sim {
namespace {

repo::DeviceReport Report(absl::Time now) {
  return {.last_seen = now,
          .update_state = 1,
          .model_sha256 = std::string(32, 'm'),
          .release_counter = 17,
          .agent_version = 1'002'003,
          .instruction_set = 1,
          .ram_mib = 7937,
          .cores = 4,
          .free_flash_mib = 51'200};
}

}  // namespace

absl::Status SeedState(const std::string& dir, size_t members, std::vector<Seedling>& seedlings) {
  const absl::Time now = absl::Now();
  std::filesystem::create_directories(dir + "/state");
  LINNET_ASSIGN_OR_RETURN(const coordinator::SiteFiles site,
                          coordinator::LoadSiteFiles(base::FileSystem::Real(), dir + "/site/coordinator"));
  const coordinator::Authority authority(site.device_ca, site.device_ca_key, site.fleet_root);
  std::vector<repo::DeviceRow> rows(members);
  for (size_t n = 0; n < members; ++n) {
    repo::DeviceRow& row = rows[n];
    row.id = base::RandomBytes(16);
    row.public_key = "\x04" + base::RandomBytes(64);
    row.name = absl::StrCat("device-", n);
    row.enrolled = row.report.last_seen = now + absl::Microseconds(n);
    row.certificate_expires = now + coordinator::Authority::kLifetime;
    if (n >= seedlings.size()) continue;
    Seedling& seedling = seedlings[n];
    row.id = seedling.id;
    row.public_key = seedling.public_key;
    LINNET_ASSIGN_OR_RETURN(const coordinator::IssuedCertificate issued,
                            authority.Issue(seedling.id, seedling.public_key, now));
    row.certificate_expires = issued.expires;
    for (const std::string& der : issued.chain) {
      LINNET_ASSIGN_OR_RETURN(const base::Certificate certificate, base::Certificate::FromDer(der));
      seedling.chain_pem += certificate.ToPem();
    }
  }
  LINNET_ASSIGN_OR_RETURN(const auto fleet, coordinator::FleetDatabase::Open(dir + "/state/fleet.db"));
  const base::MutexLock lock(fleet->mutex);
  const absl::Status members_saved = fleet->db->Transact([&]() -> absl::Status {
    for (const repo::DeviceRow& row : rows) LINNET_RETURN_IF_ERROR(fleet->devices.Put(row));
    return absl::OkStatus();
  });
  if (!members_saved.ok()) return members_saved;
  LINNET_ASSIGN_OR_RETURN(const auto db, db::Database::Open(dir + "/state/seen.db", db::Durability::kNormal));
  LINNET_RETURN_IF_ERROR(db::Migrate(*db, repo::SightingMigrations()));
  LINNET_ASSIGN_OR_RETURN(repo::Sightings sightings, repo::Sightings::Prepare(*db));
  return db->Transact([&]() -> absl::Status {
    for (const repo::DeviceRow& row : rows) LINNET_RETURN_IF_ERROR(sightings.Put(row.id, Report(now)));
    return absl::OkStatus();
  });
}

}  // namespace linnet::fleet_sim
