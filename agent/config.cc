#include "agent/config.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/config_file.h"
#include "agent/peers/peer_options.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/tpm_key.h"
#include "runtime/kernels/kv_types.h"

namespace linnet::agent {
namespace {

constexpr char kFooter[] = R"(
Each setting is also an environment variable (LINNET_STATE_DIR) and a key of the TOML file (state-dir = "...");
flags hold over the environment, the environment over the file.

Exit codes: 0 stopped as asked; 1 something failed while running; 2 wrong usage; 3 the state folder cannot be used
(unwritable, full, damaged, or in use by another agent); 4 a port is in use; 5 the enrolment token was refused;
6 the bundle was refused (update --from); 7 the TPM that has a key of this device, or shall have it, does not work.)";

struct Setting {
  CLI::Option* option;
  std::string* text = nullptr;
  uint32_t* number = nullptr;
  bool* flag = nullptr;
  uint32_t least = 0, most = 0;
};

absl::Status Apply(const Setting& setting, const std::string& name, const ConfigValue& value,
                   const std::string& path) {
  const auto wrong = [&](const std::string& expected) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", name, ": expected ", expected));
  };
  if (setting.text != nullptr) {
    if (!value.text.has_value()) return wrong("a text in quotes");
    *setting.text = *value.text;
  } else if (setting.number != nullptr) {
    if (!value.number.has_value() || *value.number < setting.least || *value.number > setting.most) {
      return wrong(absl::StrCat("a whole number from ", setting.least, " to ", setting.most));
    }
    *setting.number = static_cast<uint32_t>(*value.number);
  } else {
    if (!value.flag.has_value()) return wrong("true or false");
    *setting.flag = *value.flag;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Invocation> ParseArguments(int argc, const char* const* argv, const std::string& version) {
  Invocation invocation;
  Config& c = invocation.config;
  if (const char* home = std::getenv("LINNET_HOME"); home != nullptr && *home != '\0') c.state_dir = home;
  std::string config_path;

  CLI::App app("The Linnet agent: runs a small language model on the device that owns the data.",
               "linnet-agent");
  app.footer(kFooter);
  app.set_version_flag("--version", absl::StrCat("linnet-agent ", version));
  std::map<std::string, Setting> settings;
  const auto add = [&](const std::string& name, CLI::Option* option) -> Setting& {
    option->envname(absl::StrCat("LINNET_", absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}}))));
    Setting& setting = settings[name];
    setting.option = option;
    return setting;
  };
  const auto text = [&](const std::string& name, std::string& value, const std::string& help) {
    add(name, app.add_option("--" + name, value, help)->capture_default_str()).text = &value;
  };
  const auto number = [&](const std::string& name, uint32_t& value, uint32_t least, uint32_t most,
                          const std::string& help) {
    Setting& setting =
        add(name,
            app.add_option("--" + name, value, help)->capture_default_str()->check(CLI::Range(least, most)));
    setting.number = &value;
    setting.least = least;
    setting.most = most;
  };
  app.add_option("--config", config_path, "TOML file with any of these settings")->envname("LINNET_CONFIG");
  text("state-dir", c.state_dir, "folder for all state, made with mode 0700");
  text("name", c.name, "name of this device; default: as before, or made up");
  text("token", c.token, "one-time enrolment token of a coordinator");
  text("listen", c.listen, "gRPC door with TLS, HOST:PORT (port 0: any), or off");
  text("http", c.http, "HTTP door on loopback, HOST:PORT (port 0: any), or off");
  text("model", c.model, "answer with this GGUF file, and no other");
  text("ready-file", c.ready_file, "write the real addresses there when all doors are open");
  number("check-in-seconds", c.check_in_seconds, 1, 86'400, "between two check-ins with the coordinator");
  number("threads", c.threads, 0, 256,
         "of inference; 0: as many as are fastest, measured when a model is first loaded");
  number("context-tokens", c.context_tokens, 0, 1 << 20,
         "of a conversation; 0: the model's own, at most 4096");
  text("kv", c.kv,
       "how the model keeps what it has read of a conversation: f32, f16, q8 (half of f16's memory, a little "
       "less exact), or auto (f16; f32 for files of F32 weights)");
  text("huge-pages", c.huge_pages,
       "read large models into huge pages, which makes them faster: auto (where memory is plenty), or off");
  number("prefix-cache-mib", c.prefix_cache_mib, 0, 1 << 20,
         "of prompts kept evaluated on the disk, sealed, so that a restart answers at once, in MiB; 0: none");
  number("readings-mib", c.readings_mib, 1, 1 << 20, "of sensor readings kept, in MiB");
  number("readings-days", c.readings_days, 1, 36'500, "of sensor readings kept, in days");
  number("uplink-kib-a-day", c.uplink_kib_a_day, 1, 1 << 20,
         "sent to the coordinator a day at most, beside what an update needs, in KiB");
  number("download-kib-a-second", c.download_kib_a_second, 0, 4 << 20,
         "of models fetched, at most, in KiB; 0: no limit");
  text("peers", c.peers,
       "fetch models from other devices of the fleet and serve them: off, on (port 7402 of the address "
       "towards the coordinator, on a LAN only), auto (as on where there is a LAN and the device's key is in "
       "no "
       "TPM, else off), or HOST:PORT");
  number("peer-upload-kib-a-second", c.peer_upload_kib_a_second, 0, 4 << 20,
         "of models served to other devices, at most, in KiB; 0: no limit");
  text("identity-key", c.identity_key,
       "where this device's next key of the fleet is made: file, tpm2 (in the TPM, or not at all), or auto "
       "(in the "
       "TPM where that works, else in a file)");
  text("user-key", c.user_key,
       "where the key of the owner's data is kept: file, tpm2 (sealed by the TPM: without this very TPM the "
       "data is "
       "lost), or auto");
  text("tpm", c.tpm, "the TPM: the kernel's device, or a Unix socket that speaks its protocol");
  number("max-connections", c.max_connections, 1, 10'000, "at each door");
  add("reflection", app.add_flag("--reflection", c.reflection, "serve gRPC reflection")).flag = &c.reflection;

  UpdateFrom update;
  CLI::App* update_command = app.add_subcommand(
      "update", "install from a bundle (linnet site bundle), without a coordinator; then end");
  update_command->add_option("--from", update.dir, "the bundle's folder")->required();
  update_command
      ->add_option("--root", update.root_sha256_hex,
                   "for a device that trusts no site yet: the SHA-256 that linnet site bundle printed")
      ->check([](const std::string& hex) {
        const auto bytes = base::UnHex(hex);
        return bytes && bytes->size() == 32 ? std::string() : std::string("64 hex digits are expected");
      });
  update_command->add_flag("--json", update.json, "one JSON value on standard output");
  update_command->fallthrough();  // --state-dir and the rest may follow

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    if (app.exit(error, out, err) == 0) {
      invocation.show = out.str();
      return invocation;
    }
    return absl::InvalidArgumentError(absl::StrCat(error.what(), "; see linnet-agent --help"));
  }
  if (!config_path.empty()) {
    LINNET_ASSIGN_OR_RETURN(const auto values, ReadConfigFile(config_path));
    for (const auto& [name, value] : values) {
      const auto found = settings.find(name);
      if (found == settings.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat(config_path, ": unknown setting \"", name, "\"; see linnet-agent --help"));
      }
      if (found->second.option->count() == 0) {
        LINNET_RETURN_IF_ERROR(Apply(found->second, name, value, config_path));
      }
    }
  }
  if (update_command->parsed()) invocation.update = std::move(update);
  LINNET_RETURN_IF_ERROR(peers::CheckListen(c.peers));
  if (c.kv != "auto" && kernels::FindKvType(c.kv) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("--kv ", c.kv, ": expected auto, f32, f16 or q8"));
  }
  if (c.huge_pages != "auto" && c.huge_pages != "off") {
    return absl::InvalidArgumentError(absl::StrCat("--huge-pages ", c.huge_pages, ": expected auto or off"));
  }
  const std::pair<std::string, std::string> places[] = {{"identity-key", c.identity_key},
                                                        {"user-key", c.user_key}};
  for (const auto& [name, place] : places) {
    if (const auto known = base::KeyPlaceOf(place); !known.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--", name, ": ", base::Message(known.status())));
    }
  }
  if (c.state_dir.empty()) return absl::InvalidArgumentError("--state-dir: must not be empty");
  return invocation;
}

}  // namespace linnet::agent
