#include "runtime/tools/script_classes.h"

#include <algorithm>
#include <iterator>

#include "runtime/tokenizer/utf8.h"

namespace linnet::tools {
namespace {

constexpr std::string_view kNames[] = {
    "common",     "Latin",           "Greek",    "Cyrillic", "Armenian",     "Hebrew",
    "Arabic",     "Syriac",          "Thaana",   "N'Ko",     "Samaritan",    "Devanagari",
    "Bengali",    "Gurmukhi",        "Gujarati", "Oriya",    "Tamil",        "Telugu",
    "Kannada",    "Malayalam",       "Sinhala",  "Thai",     "Lao",          "Tibetan",
    "Myanmar",    "Georgian",        "Hangul",   "Ethiopic", "Cherokee",     "Canadian Aboriginal",
    "Khmer",      "Mongolian",       "Kana",     "Bopomofo", "Han",          "East Asian symbols",
    "Philippine", "Southeast Asian", "Yi",       "African",  "Indic, other", "historic"};
constexpr uint8_t kHangul = 26, kKana = 32, kBopomofo = 33, kHan = 34, kEastAsianSymbols = 35;

struct Range {
  uint32_t first, last;
  uint8_t script;
};

constexpr Range kRanges[] = {
    // ascending; between them: common
    {0x0041, 0x005a, 1},    {0x0061, 0x007a, 1},    {0x00aa, 0x00aa, 1},    {0x00ba, 0x00ba, 1},
    {0x00c0, 0x00d6, 1},    {0x00d8, 0x00f6, 1},    {0x00f8, 0x02af, 1},    {0x0370, 0x03ff, 2},
    {0x0400, 0x052f, 3},    {0x0530, 0x058f, 4},    {0x0590, 0x05ff, 5},    {0x0600, 0x06ff, 6},
    {0x0700, 0x074f, 7},    {0x0750, 0x077f, 6},    {0x0780, 0x07bf, 8},    {0x07c0, 0x07ff, 9},
    {0x0800, 0x085f, 10},   {0x0860, 0x086f, 7},    {0x0870, 0x08ff, 6},    {0x0900, 0x097f, 11},
    {0x0980, 0x09ff, 12},   {0x0a00, 0x0a7f, 13},   {0x0a80, 0x0aff, 14},   {0x0b00, 0x0b7f, 15},
    {0x0b80, 0x0bff, 16},   {0x0c00, 0x0c7f, 17},   {0x0c80, 0x0cff, 18},   {0x0d00, 0x0d7f, 19},
    {0x0d80, 0x0dff, 20},   {0x0e00, 0x0e7f, 21},   {0x0e80, 0x0eff, 22},   {0x0f00, 0x0fff, 23},
    {0x1000, 0x109f, 24},   {0x10a0, 0x10ff, 25},   {0x1100, 0x11ff, 26},   {0x1200, 0x139f, 27},
    {0x13a0, 0x13ff, 28},   {0x1400, 0x167f, 29},   {0x1680, 0x16ff, 41},   {0x1700, 0x177f, 36},
    {0x1780, 0x17ff, 30},   {0x1800, 0x18af, 31},   {0x18b0, 0x18ff, 29},   {0x1900, 0x19df, 37},
    {0x19e0, 0x19ff, 30},   {0x1a00, 0x1aaf, 37},   {0x1b00, 0x1c7f, 37},   {0x1c80, 0x1c8f, 3},
    {0x1c90, 0x1cbf, 25},   {0x1cc0, 0x1cff, 37},   {0x1d00, 0x1dbf, 1},    {0x1e00, 0x1eff, 1},
    {0x1f00, 0x1fff, 2},    {0x2c00, 0x2c5f, 41},   {0x2c60, 0x2c7f, 1},    {0x2c80, 0x2cff, 41},
    {0x2d00, 0x2d2f, 25},   {0x2d30, 0x2d7f, 39},   {0x2d80, 0x2ddf, 27},   {0x2de0, 0x2dff, 3},
    {0x2e80, 0x2fdf, 34},   {0x2ff0, 0x2fff, 34},   {0x3000, 0x3004, 35},   {0x3005, 0x3007, 34},
    {0x3008, 0x3020, 35},   {0x3021, 0x3029, 34},   {0x302a, 0x303f, 35},   {0x3040, 0x30ff, 32},
    {0x3100, 0x312f, 33},   {0x3130, 0x318f, 26},   {0x3190, 0x319f, 34},   {0x31a0, 0x31bf, 33},
    {0x31c0, 0x31ef, 34},   {0x31f0, 0x31ff, 32},   {0x3200, 0x33ff, 35},   {0x3400, 0x4dbf, 34},
    {0x4dc0, 0x4dff, 35},   {0x4e00, 0x9fff, 34},   {0xa000, 0xa4cf, 38},   {0xa4d0, 0xa4ff, 37},
    {0xa500, 0xa63f, 39},   {0xa640, 0xa69f, 3},    {0xa6a0, 0xa6ff, 39},   {0xa720, 0xa7ff, 1},
    {0xa800, 0xa82f, 40},   {0xa840, 0xa87f, 41},   {0xa880, 0xa8df, 40},   {0xa8e0, 0xa8ff, 11},
    {0xa900, 0xa95f, 37},   {0xa960, 0xa97f, 26},   {0xa980, 0xa9df, 37},   {0xa9e0, 0xa9ff, 24},
    {0xaa00, 0xaa5f, 37},   {0xaa60, 0xaa7f, 24},   {0xaa80, 0xaaff, 37},   {0xab00, 0xab2f, 27},
    {0xab30, 0xab6f, 1},    {0xab70, 0xabbf, 28},   {0xabc0, 0xabff, 40},   {0xac00, 0xd7ff, 26},
    {0xf900, 0xfaff, 34},   {0xfb00, 0xfb0f, 1},    {0xfb10, 0xfb1c, 4},    {0xfb1d, 0xfb4f, 5},
    {0xfb50, 0xfdff, 6},    {0xfe30, 0xfe4f, 35},   {0xfe70, 0xfefc, 6},    {0xff01, 0xff65, 35},
    {0xff66, 0xff9f, 32},   {0xffa0, 0xffdf, 26},   {0xffe0, 0xffef, 35},   {0x10000, 0x1aeff, 41},
    {0x1af00, 0x1b16f, 32}, {0x1b170, 0x1cfff, 41}, {0x1e000, 0x1efff, 41}, {0x20000, 0x3ffff, 34},
};

}  // namespace

uint8_t ScriptClassOf(uint32_t code) {
  const auto* above = std::upper_bound(std::begin(kRanges), std::end(kRanges), code,
                                       [](uint32_t c, const Range& range) { return c < range.first; });
  if (above == std::begin(kRanges) || code > std::prev(above)->last) return kCommon;
  return std::prev(above)->script;
}

std::string_view ScriptClassName(uint8_t script) {
  return script < std::size(kNames) ? kNames[script] : "unknown";
}

ScriptSet ScriptsOf(std::string_view text) {
  ScriptSet scripts;
  for (size_t at = 0; at < text.size();) {
    const tokenizer::Decoded c = tokenizer::DecodeUtf8(text, at);
    if (c.valid) scripts.set(ScriptClassOf(c.code));
    at += c.size;
  }
  if (scripts[kHangul] || scripts[kKana] || scripts[kBopomofo] || scripts[kHan]) {
    scripts.set(kEastAsianSymbols);
  }
  return scripts;
}

}  // namespace linnet::tools
