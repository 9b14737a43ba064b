// A plugin of qemu-user that counts the guest's instructions, and which of them load and store, by phases.
//
// At each mark (qemu_plugin.h), and at the end, standard error gets a line of the phase that ends
//   phase NUMBER instructions I loads L stores S
// Everything is added up inline, a block of translated code at a time: exact where a phase ends with its
// mark's call. One guest thread. AArch64 only.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "qemu_plugin.h"

struct counts {
  uint64_t instructions, loads, stores;
};
static struct counts now, begun;

// Loads and stores are the encodings with bits 27 and 25 = 1, 0 (Arm ARM, C4.1). A prefetch counts as a load,
// an atomic read-modify-write too.
enum access { NEITHER, LOAD, STORE };
static enum access access_of(uint32_t insn) {
  if ((insn >> 25 & 5) != 4) return NEITHER;
  const uint32_t group = insn >> 27 & 7, vector = insn >> 26 & 1;
  if (group == 3 && (insn >> 24 & 1) == 0) return LOAD;                    // literal
  if (group == 7 && !vector) return (insn >> 22 & 3) != 0 ? LOAD : STORE;  // a general register
  return (insn >> 22 & 1) != 0 ? LOAD : STORE;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb* tb) {
  (void)id;
  struct counts of_block = {qemu_plugin_tb_n_insns(tb), 0, 0};
  for (size_t i = 0; i < of_block.instructions; ++i) {
    uint32_t insn;
    memcpy(&insn, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i)), sizeof(insn));
    const enum access access = access_of(insn);
    of_block.loads += access == LOAD;
    of_block.stores += access == STORE;
  }
  qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &now.instructions,
                                           of_block.instructions);
  qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &now.loads, of_block.loads);
  qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &now.stores, of_block.stores);
}

static void end_phase(uint64_t phase) {
  fprintf(stderr, "phase %" PRIu64 " instructions %" PRIu64 " loads %" PRIu64 " stores %" PRIu64 "\n", phase,
          now.instructions - begun.instructions, now.loads - begun.loads, now.stores - begun.stores);
  begun = now;
}
