// What it costs a device to verify a site's metadata (README.md): CPU time of the thread that does it, so
// that a busy machine says the same as an idle one.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/chunks/chunk_store.h"
#include "storage/trust/metadata.h"
#include "storage/trust/online_keys.h"
#include "storage/trust/repository.h"
#include "storage/trust/site.h"
#include "storage/trust/updater.h"

namespace linnet {
namespace {

struct Options {
  int models = 8, plans = 20, runs = 300;
  double most_ms = 0;
};

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "tuf_refresh: %s\n", base::Message(value.status()).c_str());
    std::exit(1);
  }
  return *std::move(value);
}

void Need(const absl::Status& status) {
  if (!status.ok()) Need(absl::StatusOr<int>(status));
}

// The site's metadata in memory: what is measured is a device, not its line.
class Served final : public trust::MetadataFetcher {
 public:
  explicit Served(const trust::Repository& repository) : repository_(repository) {}
  absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t) override {
    absl::StatusOr<std::string> bytes = repository_.Metadata(role, version);
    if (bytes.ok()) fetched_bytes += bytes->size();
    return bytes;
  }
  size_t fetched_bytes = 0;

 private:
  const trust::Repository& repository_;
};

// A site as `linnet site init` makes it (all keys Ed25519), with models in two families, their indexes, and
// plans.
class World {
 public:
  World(const std::string& dir, const Options& options) : dir_(dir) {
    Need(trust::InitSite(fs_, dir + "/site", {}, base::Clock::Real()));
    site_ = Need(trust::Site::Open(fs_, dir + "/site", "", base::Clock::Real()));
    repository_ = Need(trust::Repository::Open(fs_, dir + "/site/coordinator/repository",
                                               trust::OnlineKeysIn(fs_, dir + "/site/coordinator"),
                                               base::Clock::Real()));
    for (int i = 0; i < options.models; ++i) PublishModel(i);
    for (int i = 0; i < options.plans; ++i) PublishPlan();
  }

  const trust::Repository& repository() const { return *repository_; }
  const std::string& plan() const { return plan_; }
  const std::string& model() const { return model_.path; }

 private:
  void PublishModel(int i) {
    const std::string file = dir_ + "/model";
    Need(fs_.WriteFileAtomic(file, absl::StrCat("LINNETPK ", i, std::string(5000, 'w'))));
    const trust::ModelRelease release{.family = i % 2 == 0 ? "starter" : "house",
                                      .name = absl::StrCat("model-", i / 2),
                                      .version = "1",
                                      .file = file,
                                      .index_json = Need(chunks::ChunkIndex::OfFile(fs_, file, 0)).ToJson(),
                                      .suite_json = "",
                                      .license = "Apache-2.0"};
    const trust::Publication published = Need(site_->PublishModel(release, repository_->Current()));
    Need(repository_->Publish(published.metadata).status());
    model_ = published.targets.front();
  }

  void PublishPlan() {
    trust::Plan plan;
    plan.id = base::Hex(base::RandomBytes(16));
    plan.model_target = model_.path;
    plan.model_sha256 = model_.sha256;
    plan.release_counter = 1;
    plan.waves.push_back({.name = "all"});
    plan.created = absl::Now();
    plan.expires = plan.created + absl::Hours(24);
    const trust::Publication published = Need(site_->SignPlan(plan, repository_->Current(), true));
    Need(repository_->Publish(published.metadata).status());
    plan_ = published.targets.front().path;
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  const std::string dir_;
  std::unique_ptr<trust::Site> site_;
  std::unique_ptr<trust::Repository> repository_;
  std::string plan_;
  trust::TargetInfo model_;
};

double ThreadMs() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// What a device does with a check-in that names a plan: refresh, then find the plan, its model and the
// model's index.
void Refresh(trust::TrustStore& store, trust::MetadataFetcher& fetcher, const World& world) {
  const auto updater = Need(trust::Updater::Open(store, absl::Now()));
  Need(updater->Refresh(fetcher));
  for (const std::string& target : {world.plan(), world.model(), world.model() + ".index.json"}) {
    if (!Need(updater->FindTarget(target, fetcher)).has_value()) {
      Need(absl::NotFoundError(absl::StrCat(target, ": is not signed")));
    }
  }
}

// The median in ms. `prepare` leaves the store as it is before, and is not counted.
double Measure(const char* what, int runs, const std::function<void()>& prepare,
               const std::function<void()>& run) {
  std::vector<double> ms;
  for (int i = 0; i < runs; ++i) {
    prepare();
    const double begun = ThreadMs();
    run();
    ms.push_back(ThreadMs() - begun);
  }
  std::sort(ms.begin(), ms.end());
  const double median = ms[ms.size() / 2];
  std::printf("%-44s %8.3f %8.3f %8.3f\n", what, ms.front(), median, ms[ms.size() * 95 / 100]);
  return median;
}

int Run(const Options& options) {
  const std::string dir =
      (std::filesystem::temp_directory_path() / ("linnet-tuf-refresh-" + base::Hex(base::RandomBytes(6))))
          .string();
  base::FileSystem& fs = base::FileSystem::Real();
  Need(fs.CreateDirectories(dir + "/trust", 0700));
  const World world(dir, options);
  Served served(world.repository());
  trust::TrustStore store(fs, dir + "/trust");
  const std::string root = Need(world.repository().Metadata("root", 1));
  const auto anew = [&] { Need(store.StartOver(root)); };
  const auto refresh = [&] { Refresh(store, served, world); };

  anew();
  refresh();
  std::printf("%d models in two families, %d plans: %zu bytes of metadata; ms of CPU time, %d runs\n",
              options.models, options.plans, served.fetched_bytes, options.runs);
  std::printf("%-44s %8s %8s %8s\n", "", "least", "median", "95 %");
  const double first = Measure("all of it, from root 1", options.runs, anew, refresh);
  Measure(
      "a new snapshot and timestamp", options.runs,
      [&] {
        for (const std::string_view role : {trust::kSnapshot, trust::kTimestamp}) Need(store.Delete(role));
      },
      refresh);
  Measure("nothing new", options.runs, [] {}, refresh);
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  if (options.most_ms == 0 || first <= options.most_ms) return 0;
  std::fprintf(stderr, "tuf_refresh: a whole refresh takes %.3f ms of CPU time, at most %.3f expected\n",
               first, options.most_ms);
  return 1;
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  linnet::Options options;
  CLI::App app{"CPU time of a refresh of TUF metadata on a device, signatures included"};
  app.add_option("--models", options.models, "that the site has signed")->check(CLI::Range(1, 1000));
  app.add_option("--plans", options.plans, "that the site has signed")->check(CLI::Range(1, 1000));
  app.add_option("--runs", options.runs, "of each kind")->check(CLI::Range(1, 100000));
  app.add_option("--most-ms", options.most_ms,
                 "exit 1 where the median of a whole refresh is above (0: no limit)");
  CLI11_PARSE(app, argc, argv);
  return linnet::Run(options);
}
