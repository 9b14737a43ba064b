#!/usr/bin/env python3
"""What the inner loops of the kernels are made of: instructions, spills, and for NEON cycles by llvm-mca's models.

    inner_loops.py [--sets neon,avx2,...] [--types Q4_0,...] [--spills FILE] [--cycles FILE] [--write] [--json] [BUILD_FOLDER]

BUILD_FOLDER: build/aarch64. Reads the compiled kernels, so it says the same on every machine. A loop is what stands between a
backward branch and its target with no other such branch in it; it is listed when it multiplies. Of the neon sets these are the
packed products; "work" are their products of a weight and an activation in one pass, a spill is a load or store relative to the
stack pointer. Of the x86-64 sets these are packed products, attention and rows of floats; "work" are their vector
multiplications, a spill is a vector that is stored to the stack. Cycles are llvm-mca's (LLVM 19) for 32 products, with all loads
in the first-level cache: real cores take some 1.3 times as many.

--spills: exit 1 where a loop has more than FILE allows; it has lines "SET NAME WORK SPILLS...", a number for each loop of that
name and work that has any, the most first. --cycles: the same with lines "SET NAME WORK CPU CYCLES...", and 5 % on top. With
--write they are written as things are. Exit 77 where the tools are missing.
"""
import argparse
import collections
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
X86_SETS = ["avx2", "avxvnni", "avx512vnni"]
FEATURES = "+dotprod,+i8mm"
MCA = "llvm-mca-19"
SLACK = 1.05

# As kernels/weight_types.h has them; c++filt shows the numbers.
TYPES = {2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 20: "IQ4_NL"}
X86_MULTIPLIES = re.compile(r"^v(fn?m(add|sub)\w*p[sd]|mulp[sd]|pdpbusds?|pdpwssds?|pmaddubsw|pmaddwd)\s")
X86_LEAST = 4  # multiplications; fewer have the ends of rows
X86_NAMES = re.compile(r"\b(Tokens|AttendBlock|Dots|AllDots|AddRows|AddColumns|AddPart|ScoresOfPanel|Rows)<(.*)>\(")


class Machine:
    """How its disassembly reads."""

    def __init__(self, objdump, comment, branch, leaves):
        self.objdump, self.comment, self.branch, self.leaves = objdump, comment, re.compile(branch), re.compile(leaves)

    def target(self, instruction):
        match = self.branch.match(instruction)
        return int(match.group(1), 16) if match else None

    def functions(self, archive):
        """(name, [(address, instruction)]) of each function of the archive."""
        text = subprocess.run([self.objdump, "-d", "-C", "--no-show-raw-insn", archive], check=True, capture_output=True, text=True).stdout
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
                body.append((int(instruction.group(1), 16), instruction.group(2).split(self.comment)[0].strip()))
        if name:
            yield name, body

    def inner_loops(self, body):
        index = {address: i for i, (address, _) in enumerate(body)}
        loops = []
        for i, (address, instruction) in enumerate(body):
            target = self.target(instruction)
            if target is not None and target <= address and target in index:
                loops.append((index[target], i))
        for first, last in loops:
            if not any((a, b) != (first, last) and first <= a and b <= last for a, b in loops):
                loop = [instruction for _, instruction in body[first:last + 1]]
                # What follows such a jump is reached from elsewhere: a block out of the way that leads back.
                if not any(self.leaves.match(instruction) for instruction in loop[:-1]):
                    yield loop


ARM = Machine("aarch64-linux-gnu-objdump", "//", r"^(?:b|b\.\w+|cbn?z\s+\w+,|tbn?z\s+\w+, #\d+,)\s+([0-9a-f]+) <", r"^(?:b|br|ret)\b(?!\.)")
X86 = Machine("objdump", "#", r"^j\w+\s+([0-9a-f]+) <", r"^(?:notrack )?(?:jmp|ret)")


def cycles(loop, cpu):
    """Of one pass, or None where the model does not know an instruction."""
    straight = [i for i in loop if ARM.target(i) is None]
    run = subprocess.run([MCA, "-mtriple=aarch64-linux-gnu", f"-mcpu={cpu}", f"-mattr={FEATURES}", "-iterations=100"],
                         input="\n".join(straight) + "\n", capture_output=True, text=True)
    total = re.search(r"^Total Cycles:\s+(\d+)", run.stdout, re.M)
    return int(total.group(1)) / 100 if run.returncode == 0 and total else None


def arm_rows(archive, kernel_set, with_cycles):
    for name, body in ARM.functions(archive):
        kind = re.search(r"neon_tiles::(I?Q\d_\w+)<", name)
        if not kind:
            continue
        for loop in ARM.inner_loops(body):
            products = sum(PRODUCTS.get(i.split()[0], 0) for i in loop)
            if products < 256:  # sums of mins, and what else is no product of weights
                continue
            taken = {cpu: cycles(loop, cpu) for cpu in MODELS[kernel_set]} if with_cycles else {}
            yield {"set": kernel_set, "name": kind.group(1), "work": products, "instructions": len(loop),
                   "spills": sum("[sp" in i for i in loop),
                   "cycles": {cpu: round(c * 32 / products, 2) for cpu, c in taken.items() if c is not None}}


def x86_name(function):
    """"Tokens<Q4_0,12>" of the demangled name, or None where it is no kernel that is looked at."""
    plain = function.replace("(anonymous namespace)::", "")
    named = X86_NAMES.search(plain)
    if not named:
        return None
    weights = re.search(r"\((?:\w+::)*WeightType\)(\d+)>, (\d+)(?:, (?:true|false))?$", named.group(2))
    if weights:
        return f"{named.group(1)}<{TYPES.get(int(weights.group(1)), weights.group(1))},{weights.group(2)}>"
    arguments = re.sub(r"\w+::|\s*\[.*$|\bUnit, ", "", named.group(2)).replace("unsigned short", "half").replace("signed char", "byte")
    return f"{named.group(1)}<{arguments}>".replace(" ", "")


def x86_rows(archive, kernel_set):
    for function, body in X86.functions(archive):
        name = x86_name(function)
        if name is None:
            continue
        frame = any(re.match(r"mov\s+%rsp,%rbp", i) for _, i in body)
        spill = re.compile(r"^v.*,(?:-?0x[0-9a-f]+)?\(%%(?:%s)\)" % ("rsp|rbp" if frame else "rsp"))
        for loop in X86.inner_loops(body):
            work = sum(X86_MULTIPLIES.match(i) is not None for i in loop)
            if work >= X86_LEAST:
                yield {"set": kernel_set, "name": name, "work": work, "instructions": len(loop),
                       "spills": sum(spill.match(i) is not None for i in loop), "cycles": {}}


def found(rows, figures):
    """{(set, name, work, what): figures, the most first} of the rows that have any."""
    lists = collections.defaultdict(list)
    for row in rows:
        for what, figure in figures(row):
            lists[row["set"], row["name"], str(row["work"]), what].append(figure)
    return {key: sorted(values, reverse=True) for key, values in lists.items()}


def spills_of(row):
    return [("", row["spills"])] if row["spills"] > 0 else []


def hold(path, have, slack, what, write):
    """How many loops are above what the file allows."""
    if write:
        with open(path, "w", encoding="ascii") as out:
            for key, values in sorted(have.items(), key=lambda item: (item[0][0], item[0][1], int(item[0][2]), item[0][3])):
                out.write(" ".join([*filter(None, key), *(f"{v:g}" for v in values)]) + "\n")
        return 0
    limits = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            cpu = [words.pop(3)] if not re.match(r"^[\d.]+$", words[3]) else [""]
            limits[(*words[:3], *cpu)] = [float(w) for w in words[3:]]
    over = 0
    for key, values in have.items():
        most = limits.get(key, [])
        most = most + [0.0] * (len(values) - len(most))
        if any(v > m * slack + 1e-9 for v, m in zip(values, most)):
            over += 1
            print(f"inner_loops.py: {' '.join(filter(None, key))}: {what} {values}; at most {most} are allowed", file=sys.stderr)
    return over


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/aarch64"))
    parser.add_argument("--sets", default=",".join(MODELS), help="separated by commas; without: the neon sets")
    parser.add_argument("--types", default="", help="separated by commas; without: all")
    parser.add_argument("--spills", metavar="FILE")
    parser.add_argument("--cycles", metavar="FILE")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sets = options.sets.split(",")
    for kernel_set in sets:
        if kernel_set not in [*MODELS, *X86_SETS]:
            print(f"inner_loops.py: there is no set {kernel_set}; there are {', '.join([*MODELS, *X86_SETS])}")
            return 2
    tools = {(X86 if kernel_set in X86_SETS else ARM).objdump for kernel_set in sets} | ({MCA} if options.cycles else set())
    missing = [tool for tool in sorted(tools) if not shutil.which(tool)]
    if missing:
        print(f"inner_loops.py: {', '.join(missing)} not installed: deploy/install-packages.sh test")
        return 77
    with_cycles = shutil.which(MCA) is not None and (options.cycles is not None or options.spills is None)
    rows, empty = [], []
    for kernel_set in sets:
        archive = os.path.join(options.build, f"runtime/kernels/liblinnet_kernels_{kernel_set}.a")
        if not os.path.exists(archive):
            print(f"inner_loops.py: there is no {archive}: ninja -C {options.build} linnet_kernels")
            return 2
        of_set = list(x86_rows(archive, kernel_set) if kernel_set in X86_SETS else arm_rows(archive, kernel_set, with_cycles))
        rows += of_set
        if not of_set:
            empty.append(kernel_set)
    if options.types:
        rows = [row for row in rows if any(kind in row["name"] for kind in options.types.split(","))]
    rows.sort(key=lambda row: (sets.index(row["set"]), row["name"], row["work"], row["instructions"]))
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print(f"{'set':13} {'name':22} {'work':>6} {'instructions':>12} {'a product':>9} {'spills':>6}  cycles for 32 products")
        for row in rows:
            by_cpu = ", ".join(f"{cpu} {c:.2f}" for cpu, c in row["cycles"].items())
            print(f"{row['set']:13} {row['name']:22} {row['work']:6} {row['instructions']:12} "
                  f"{row['instructions'] / row['work']:9.3f} {row['spills']:6}  {by_cpu}")
    for kernel_set in empty:  # else a function that was renamed would pass
        print(f"inner_loops.py: {kernel_set} has no loop that multiplies", file=sys.stderr)
    over = len(empty)
    if options.spills:
        over += hold(options.spills, found(rows, spills_of), 1.0, "spills", options.write)
    if options.cycles:
        over += hold(options.cycles, found(rows, lambda row: row["cycles"].items()), SLACK, "cycles", options.write)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
