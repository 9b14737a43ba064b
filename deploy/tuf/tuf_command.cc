#include "deploy/tuf/tuf_command.h"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "deploy/tuf/http_client.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/metadata.h"
#include "storage/trust/role_name.h"
#include "storage/trust/updater.h"

namespace linnet::tuf {
namespace {

constexpr std::string_view kUsage =
    "usage: linnet-tuf --metadata-dir DIR init ROOT_FILE\n"
    "       linnet-tuf --metadata-url URL --metadata-dir DIR refresh\n"
    "       linnet-tuf --metadata-url URL --metadata-dir DIR --target-name NAME... --target-dir DIR\n"
    "                  --target-base-url URL download\n"
    "\n"
    "Verifies any TUF 1.0 repository with Linnet's client. init trusts a root; refresh brings the\n"
    "trusted metadata in DIR up to date; download verifies and stores target files.\n"
    "Exit code: 0, or 1 when anything failed.\n";

struct Options {
  std::string metadata_url, metadata_dir, target_dir, target_base_url;
  std::vector<std::string> target_names;
  std::string command;
  std::vector<std::string> rest;
};

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  const std::map<std::string, std::string*> single = {{"--metadata-url", &options.metadata_url},
                                                      {"--metadata-dir", &options.metadata_dir},
                                                      {"--target-dir", &options.target_dir},
                                                      {"--target-base-url", &options.target_base_url}};
  size_t i = 0;
  for (; i < arguments.size() && arguments[i].starts_with("--"); ++i) {
    const size_t equals = arguments[i].find('=');
    const std::string name = arguments[i].substr(0, equals);
    std::string value;
    if (equals != std::string::npos) {
      value = arguments[i].substr(equals + 1);
    } else if (name != "--help" && i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat(name, ": a value is expected"));
    }
    if (name == "--target-name") {
      options.target_names.push_back(value);
    } else if (const auto it = single.find(name); it != single.end()) {
      *it->second = value;
    } else {
      return absl::InvalidArgumentError(absl::StrCat(name, ": unknown option"));
    }
  }
  if (i == arguments.size())
    return absl::InvalidArgumentError("a command is expected: init, refresh or download");
  options.command = arguments[i];
  options.rest.assign(arguments.begin() + static_cast<ptrdiff_t>(i) + 1, arguments.end());
  return options;
}

absl::Status Need(const std::string& value, std::string_view option) {
  if (!value.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(std::string(option), ": is needed for this command"));
}

std::string WithSlash(std::string url) { return url.ends_with('/') ? url : url + "/"; }

class HttpFetcher final : public trust::MetadataFetcher {
 public:
  explicit HttpFetcher(std::string base) : base_(WithSlash(std::move(base))) {}
  absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) override {
    const std::string file = absl::StrCat(trust::PercentEncode(role), ".json");
    const std::string url = version == 0 ? base_ + file : absl::StrCat(base_, version, ".", file);
    std::string bytes;
    const auto append = [&](std::string_view piece) {
      bytes.append(piece);
      return absl::OkStatus();
    };
    LINNET_RETURN_IF_ERROR(HttpGet(url, max_bytes, append));
    return bytes;
  }

 private:
  std::string base_;
};

// A target's path within a URL: what RFC 3986 allows in a path stays, so that plain names look plain.
std::string EncodePath(std::string_view path) {
  static constexpr std::string_view kAllowed = "/!$&'()*+,;=:@";
  std::string out;
  for (const char& c : path) {
    if (kAllowed.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += trust::PercentEncode(std::string_view(&c, 1));
    }
  }
  return out;
}

class Command {
 public:
  Command(const Options& options, base::FileSystem& fs, const base::Clock& clock)
      : options_(options),
        fs_(fs),
        clock_(clock),
        store_(fs, options.metadata_dir),
        fetcher_(options.metadata_url) {}

  absl::Status Init() {
    if (options_.rest.size() != 1) return absl::InvalidArgumentError("init: one root file is expected");
    LINNET_ASSIGN_OR_RETURN(const std::string root, fs_.ReadFile(options_.rest[0], trust::kMaxRootBytes));
    LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(options_.metadata_dir));
    return store_.Save(trust::kRoot, root);
  }

  absl::Status Refresh() {
    LINNET_RETURN_IF_ERROR(Need(options_.metadata_url, "--metadata-url"));
    if (!options_.rest.empty()) return absl::InvalidArgumentError("refresh: takes no argument");
    LINNET_ASSIGN_OR_RETURN(updater_, trust::Updater::Open(store_, clock_.Now()));
    return updater_->Refresh(fetcher_);
  }

  absl::Status Download() {
    LINNET_RETURN_IF_ERROR(Need(options_.target_dir, "--target-dir"));
    LINNET_RETURN_IF_ERROR(Need(options_.target_base_url, "--target-base-url"));
    if (options_.target_names.empty())
      return absl::InvalidArgumentError("--target-name: is needed for download");
    LINNET_RETURN_IF_ERROR(Refresh());
    LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(options_.target_dir));
    for (const std::string& name : options_.target_names) {
      LINNET_ASSIGN_OR_RETURN(const std::optional<trust::TargetInfo> info,
                              updater_->FindTarget(name, fetcher_));
      if (!info) return absl::NotFoundError(absl::StrCat(name, ": no role has signed this target"));
      LINNET_RETURN_IF_ERROR(DownloadOne(*info));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status DownloadOne(const trust::TargetInfo& info) {
    const std::string path = absl::StrCat(options_.target_dir, "/", FileNameOf(info.path));
    if (CheckFile(path, info).ok()) return absl::OkStatus();
    LINNET_ASSIGN_OR_RETURN(const std::string url, UrlOf(info));
    // Beside the folder: everything in it counts as downloaded.
    std::string folder = options_.target_dir;
    while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
    const std::string partial = absl::StrCat(folder, ".part-", getpid());
    absl::Status status = Receive(url, partial, info);
    if (status.ok()) status = CheckFile(partial, info);
    if (status.ok()) status = fs_.Rename(partial, path);
    if (!status.ok()) {
      fs_.Remove(partial).IgnoreError();
      return status;
    }
    return fs_.SyncDirectory(options_.target_dir);
  }

  absl::Status Receive(const std::string& url, const std::string& partial, const trust::TargetInfo& info) {
    LINNET_RETURN_IF_ERROR(fs_.Remove(partial));
    LINNET_ASSIGN_OR_RETURN(const std::unique_ptr<base::WritableFile> file, fs_.OpenForWrite(partial, 0644));
    uint64_t offset = 0;
    const auto write = [&](std::string_view piece) {
      const absl::Status status = file->WriteAt(offset, base::AsBytes(piece));
      offset += piece.size();
      return status;
    };
    LINNET_RETURN_IF_ERROR(HttpGet(url, info.length, write));
    return file->Sync();
  }

  absl::Status CheckFile(const std::string& path, const trust::TargetInfo& info) {
    LINNET_ASSIGN_OR_RETURN(const std::unique_ptr<base::MappedFile> file, fs_.Map(path));
    trust::Hashes hashes;
    if (!info.sha256.empty()) hashes.emplace("sha256", base::Hex(info.sha256));
    if (!info.sha512.empty()) hashes.emplace("sha512", base::Hex(info.sha512));
    return trust::VerifyBytes(info.path, base::AsText(file->bytes()), info.length, hashes);
  }

  static std::string FileNameOf(const std::string& target) {
    const std::string encoded = trust::PercentEncode(target);
    if (encoded == "." || encoded == ".." || encoded.size() > 240) {
      return absl::StrCat("%sha256-", base::Hex(base::Sha256(target)));
    }
    return encoded;
  }

  // TURL/<folders>/<hash>.<file>, or without the hash where snapshots are not consistent.
  absl::StatusOr<std::string> UrlOf(const trust::TargetInfo& info) const {
    LINNET_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store_.Load(trust::kRoot));
    LINNET_ASSIGN_OR_RETURN(const trust::Envelope envelope, trust::Envelope::Parse(bytes.value_or("")));
    LINNET_ASSIGN_OR_RETURN(const trust::Root root, trust::ParseRoot(envelope));
    const std::string base = WithSlash(options_.target_base_url);
    if (!root.consistent_snapshot) return base + EncodePath(info.path);
    const size_t slash = info.path.rfind('/');
    const size_t name = slash == std::string::npos ? 0 : slash + 1;
    return absl::StrCat(base, EncodePath(info.path.substr(0, name)),
                        base::Hex(info.sha256.empty() ? info.sha512 : info.sha256), ".",
                        EncodePath(info.path.substr(name)));
  }

  const Options& options_;
  base::FileSystem& fs_;
  const base::Clock& clock_;
  trust::TrustStore store_;
  HttpFetcher fetcher_;
  std::unique_ptr<trust::Updater> updater_;
};

absl::Status Run(const std::vector<std::string>& arguments, base::FileSystem& fs, const base::Clock& clock) {
  LINNET_ASSIGN_OR_RETURN(const Options options, ParseOptions(arguments));
  LINNET_RETURN_IF_ERROR(Need(options.metadata_dir, "--metadata-dir"));
  Command command(options, fs, clock);
  if (options.command == "init") return command.Init();
  if (options.command == "refresh") return command.Refresh();
  if (options.command == "download") return command.Download();
  return absl::InvalidArgumentError(
      absl::StrCat(options.command, ": unknown command; init, refresh or download is expected"));
}

}  // namespace

int RunTuf(const std::vector<std::string>& arguments, base::FileSystem& fs, const base::Clock& clock) {
  if (arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h")) {
    std::fputs(std::string(kUsage).c_str(), stdout);
    return 0;
  }
  const absl::Status status = Run(arguments, fs, clock);
  if (status.ok()) return 0;
  std::fprintf(stderr, "linnet-tuf: %s\n", base::Message(status).c_str());
  if (absl::IsInvalidArgument(status)) std::fputs(std::string(kUsage).c_str(), stderr);
  return 1;
}

}  // namespace linnet::tuf
