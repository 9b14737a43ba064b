// linnet-simulate: a recording of a rotating machine with a bearing fault, as CSV on standard output.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "agent/sensors/bearing_simulator.h"
#include "agent/sensors/ingest.h"
#include "runtime/base/string_view.h"

namespace {

constexpr char kHelp[] =
    "usage: linnet-simulate [--hours H] [--fault-start H] [--fault-growth H] [--period SECONDS] [--seed N]\n"
    "                       [--start TIME]\n"
    "\n"
    "Writes a recording of a rotating machine, CSV time,channel,unit,value, to standard output: for each "
    "period\n"
    "RMS, peak and kurtosis of three-axis vibration and the bearing's temperature.\n"
    "\n"
    "  --hours H         length of the recording (default 4)\n"
    "  --fault-start H   when the outer race begins to spall (default 3); negative: never\n"
    "  --fault-growth H  from the first pit to a fully grown fault (default 1)\n"
    "  --period SECONDS  between readings, 1 to 3600 (default 10)\n"
    "  --seed N          another machine (default 1)\n"
    "  --start TIME      of the first reading, RFC 3339 (default 2026-01-01T00:00:00Z)\n"
    "\n"
    "exit: 0 written, 1 output failed, 2 wrong option\n";

int Wrong(const std::string& what) {
  std::fprintf(stderr, "linnet-simulate: %s; see --help\n", what.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  linnet::sensors::BearingOptions options;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    if (name == "--help" || name == "-h") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    std::string value;
    if (const size_t equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    } else {
      return Wrong(name + " needs a value");
    }
    double number = 0;
    const bool is_number = absl::SimpleAtod(value, &number);
    if (name == "--start") {
      const auto line = linnet::sensors::ParseCsvLine(value + ",c,,0");
      if (!line.ok() || !line->has_value()) return Wrong("--start \"" + value + "\" is not a time");
      options.start = (*line)->time;
    } else if (name == "--seed") {
      if (!absl::SimpleAtoi(value, &options.seed))
        return Wrong("--seed \"" + value + "\" is not a whole number");
    } else if (!is_number) {
      return Wrong(name + " \"" + value + "\": unknown option, or not a number");
    } else if (name == "--hours") {
      options.hours = number;
    } else if (name == "--fault-start") {
      options.fault_start_hours = number;
    } else if (name == "--fault-growth") {
      options.fault_growth_hours = number;
    } else if (name == "--period") {
      options.period = absl::Seconds(number);
    } else {
      return Wrong("unknown option " + name);
    }
  }

  std::puts("time,channel,unit,value");
  bool written = true;
  const absl::Status status = SimulateBearing(options, [&](const linnet::sensors::Reading& reading) {
    const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", reading.time, absl::UTCTimeZone());
    written = std::printf("%s,%s,%s,%.10g\n", time.c_str(), reading.channel.c_str(), reading.unit.c_str(),
                          reading.value) > 0;
    return written;
  });
  if (!status.ok()) return Wrong(linnet::base::Message(status));
  if (!written || std::fflush(stdout) != 0) {
    std::fputs("linnet-simulate: cannot write the recording to standard output\n", stderr);
    return 1;
  }
  return 0;
}
