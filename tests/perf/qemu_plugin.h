#ifndef LINNET_TESTS_PERF_QEMU_PLUGIN_H_
#define LINNET_TESTS_PERF_QEMU_PLUGIN_H_

#include <stddef.h>
#include <stdint.h>

// What the plugins here share: phases, and the way in. Debian packages no header of the plugin interface
// (version 1); these are the parts of it that are used, as QEMU's documentation has them ("QEMU TCG
// Plugins").
#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_R = 1, QEMU_PLUGIN_MEM_W, QEMU_PLUGIN_MEM_RW };
typedef void (*translate_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb* tb);
typedef void (*exit_cb)(qemu_plugin_id_t id, void* data);
typedef void (*memory_cb)(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* data);
typedef void (*syscall_cb)(qemu_plugin_id_t id, unsigned int vcpu, int64_t number, uint64_t a1, uint64_t a2,
                           uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translate_cb cb);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb* tb, enum qemu_plugin_op op, void* to,
                                              uint64_t add);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn* insn, memory_cb cb,
                                      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
                                      void* data);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t id, syscall_cb cb);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_cb cb, void* data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* tb);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb* tb, size_t index);
const void* qemu_plugin_insn_data(const struct qemu_plugin_insn* insn);
unsigned int qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);

// The guest begins a phase with prctl(0x4c4e5450, number), which Linux refuses (EINVAL), so that the same
// program runs without a plugin, too.
static const int64_t kPrctl = 167;  // of AArch64 Linux
static const uint64_t kMark = 0x4c4e5450;

// A plugin's own: what it adds to translated code, and its line of the phase that ends, after which it counts
// from nothing.
static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb* tb);
static void end_phase(uint64_t phase);

EXPORT int qemu_plugin_version = 1;

static uint64_t current_phase;

static void on_syscall(qemu_plugin_id_t id, unsigned int vcpu, int64_t number, uint64_t a1, uint64_t a2,
                       uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
  (void)id, (void)vcpu, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
  if (number != kPrctl || a1 != kMark) return;
  end_phase(current_phase);
  current_phase = a2;
}

static void at_exit(qemu_plugin_id_t id, void* data) {
  (void)id, (void)data;
  end_phase(current_phase);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void* info, int argc, char** argv) {
  (void)info, (void)argc, (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
  qemu_plugin_register_atexit_cb(id, at_exit, NULL);
  return 0;
}

#endif  // LINNET_TESTS_PERF_QEMU_PLUGIN_H_
