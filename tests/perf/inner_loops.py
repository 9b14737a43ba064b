#!/usr/bin/env python3
"""What the inner loops of the packed NEON products are made of: instructions, spills, and cycles by llvm-mca's models.

    inner_loops.py [--sets neon,...] [--types Q4_0,...] [--max-spills N] [--json] [BUILD_FOLDER]      build/aarch64

Reads the compiled kernels, so it says the same on every machine. A loop is what stands between a backward branch and its
target with no other such branch in it; it is listed when it multiplies. "products" are those of a weight and an activation in
one pass; a spill is a load or store relative to the stack pointer. Cycles are llvm-mca's (LLVM 19) for a pass, with all
loads in the first-level cache: real cores take some 1.3 times as many. Exit 1 where a loop has more spills than --max-spills,
77 where the cross tools are missing. Without llvm-mca-19 the cycles are left out.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys

# The products of one instruction, and the models of the cores that have it.
PRODUCTS = {"smmla": 32, "sdot": 16, "smull": 8, "smull2": 8, "smlal": 8, "smlal2": 8}
MODELS = {
    "neon": ["cortex-a53", "cortex-a72"],
    "neon_dotprod": ["cortex-a55", "neoverse-n1"],
    "neon_i8mm": ["neoverse-n2"],
}
FEATURES = "+dotprod,+i8mm"
OBJDUMP = "aarch64-linux-gnu-objdump"
MCA = "llvm-mca-19"


def functions(archive):
    """(name, [(address, instruction)]) of each function of the archive."""
    text = subprocess.run([OBJDUMP, "-d", "-C", "--no-show-raw-insn", archive], check=True, capture_output=True, text=True).stdout
    name, body = None, []
    for line in text.splitlines():
        begins = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if begins:
            if name:
                yield name, body
            name, body = begins.group(1), []
            continue
        instruction = re.match(r"^\s+([0-9a-f]+):\t(.*)$", line)
        if instruction:
            body.append((int(instruction.group(1), 16), instruction.group(2).split("//")[0].strip()))
    if name:
        yield name, body


def branch_target(instruction):
    match = re.match(r"^(?:b|b\.\w+|cbn?z\s+\w+,|tbn?z\s+\w+, #\d+,)\s+([0-9a-f]+) <", instruction)
    return int(match.group(1), 16) if match else None


def inner_loops(body):
    index = {address: i for i, (address, _) in enumerate(body)}
    loops = []
    for i, (address, instruction) in enumerate(body):
        target = branch_target(instruction)
        if target is not None and target <= address and target in index:
            loops.append((index[target], i))
    for first, last in loops:
        if not any((a, b) != (first, last) and first <= a and b <= last for a, b in loops):
            yield [instruction for _, instruction in body[first:last + 1]]


def opcode(instruction):
    return instruction.split()[0]


def cycles(loop, cpu):
    """Of one pass, or None where the model does not know an instruction."""
    straight = [i for i in loop if branch_target(i) is None]
    run = subprocess.run([MCA, "-mtriple=aarch64-linux-gnu", f"-mcpu={cpu}", f"-mattr={FEATURES}", "-iterations=100"],
                         input="\n".join(straight) + "\n", capture_output=True, text=True)
    total = re.search(r"^Total Cycles:\s+(\d+)", run.stdout, re.M)
    return int(total.group(1)) / 100 if run.returncode == 0 and total else None


def measure(archive, kernel_set, with_cycles):
    rows = []
    for name, body in functions(archive):
        kind = re.search(r"neon_tiles::(I?Q\d_\w+)<", name)
        if not kind:
            continue
        for loop in inner_loops(body):
            products = sum(PRODUCTS.get(opcode(i), 0) for i in loop)
            if products < 256:  # sums of mins, and what else is no product of weights
                continue
            rows.append({
                "set": kernel_set, "type": kind.group(1), "products": products, "instructions": len(loop),
                "spills": sum("[sp" in i for i in loop),
                "cycles": {cpu: cycles(loop, cpu) for cpu in MODELS[kernel_set]} if with_cycles else {},
            })
    return sorted(rows, key=lambda row: (row["type"], row["products"], row["instructions"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/aarch64"))
    parser.add_argument("--max-spills", type=int)
    parser.add_argument("--sets", default=",".join(MODELS), help="separated by commas; without: all")
    parser.add_argument("--types", default="", help="separated by commas; without: all")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not shutil.which(OBJDUMP):
        print(f"inner_loops.py: {OBJDUMP} is not installed: deploy/install-packages.sh test")
        return 77
    with_cycles = shutil.which(MCA) is not None and options.max_spills is None
    rows = []
    for kernel_set in options.sets.split(","):
        if kernel_set not in MODELS:
            print(f"inner_loops.py: there is no set {kernel_set}; there are {', '.join(MODELS)}")
            return 2
        archive = os.path.join(options.build, f"runtime/kernels/liblinnet_kernels_{kernel_set}.a")
        if not os.path.exists(archive):
            print(f"inner_loops.py: there is no {archive}: ninja -C {options.build} linnet_kernels")
            return 2
        rows += measure(archive, kernel_set, with_cycles)
    if options.types:
        rows = [row for row in rows if row["type"] in options.types.split(",")]
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print(f"{'set':13} {'type':7} {'products':>8} {'instructions':>12} {'a product':>9} {'spills':>6}  cycles for 32 products")
        for row in rows:
            by_cpu = ", ".join(f"{cpu} {c * 32 / row['products']:.2f}" for cpu, c in row["cycles"].items() if c is not None)
            print(f"{row['set']:13} {row['type']:7} {row['products']:8} {row['instructions']:12} "
                  f"{row['instructions'] / row['products']:9.3f} {row['spills']:6}  {by_cpu}")
    if options.max_spills is not None:
        too_many = [row for row in rows if row["spills"] > options.max_spills]
        for row in too_many:
            print(f"inner_loops.py: {row['set']} {row['type']}: {row['spills']} spills in a loop of {row['products']} products; "
                  f"at most {options.max_spills} are allowed", file=sys.stderr)
        return 1 if too_many or not rows else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
