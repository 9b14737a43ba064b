// A plugin of qemu-user that counts the lines of 64 bytes that the guest touches, each once a phase: what
// memory has to bring when no cache held it before.
//
// At each mark (qemu_plugin.h), and at the end, standard error gets a line of the phase that ends
//   phase NUMBER lines L
// One guest thread. AArch64 only.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

enum { kLineShift = 6, kRegionShift = 22, kRegions = 1 << 14 };
enum { kRegionLines = 1 << (kRegionShift - kLineShift) };

// A stretch of addresses of which a line was touched.
struct region {
  uint64_t number;  // address >> kRegionShift
  uint64_t lines[kRegionLines / 64];
};
// By number, the next free place where its own is taken.
static struct region* regions[kRegions];
static struct region* last;  // looked at
static size_t region_count;
static uint64_t lines;

static struct region* region_of(uint64_t number) {
  size_t place = number % kRegions;
  while (regions[place] != NULL && regions[place]->number != number) place = (place + 1) % kRegions;
  if (regions[place] == NULL) {
    regions[place] = calloc(1, sizeof(struct region));
    if (regions[place] == NULL || ++region_count == kRegions) {
      fprintf(stderr, "line_count: too much memory is in use\n");
      exit(1);
    }
    regions[place]->number = number;
  }
  return regions[place];
}

static void touch(uint64_t address) {
  const uint64_t number = address >> kRegionShift;
  if (last == NULL || last->number != number) last = region_of(number);
  const uint64_t line = address >> kLineShift & (kRegionLines - 1), bit = UINT64_C(1) << (line & 63);
  lines += (last->lines[line >> 6] & bit) == 0;
  last->lines[line >> 6] |= bit;
}

static void on_access(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* data) {
  (void)vcpu, (void)data;
  touch(address);
  touch(address + (UINT64_C(1) << qemu_plugin_mem_size_shift(info)) - 1);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb* tb) {
  (void)id;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); ++i) {
    qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(tb, i), on_access, QEMU_PLUGIN_CB_NO_REGS,
                                     QEMU_PLUGIN_MEM_RW, NULL);
  }
}

static void end_phase(uint64_t phase) {
  fprintf(stderr, "phase %" PRIu64 " lines %" PRIu64 "\n", phase, lines);
  lines = 0;
  for (size_t i = 0; i < kRegions; ++i) {
    if (regions[i] != NULL) memset(regions[i]->lines, 0, sizeof(regions[i]->lines));
  }
}
