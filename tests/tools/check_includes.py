#!/usr/bin/env python3
"""Includes point down only. This table is the architecture; a line that is not in it is a mistake or a decision to write down.

usage: check_includes.py [REPOSITORY]      exit 1 and one line for each include that the table does not allow
"""
import os
import re
import sys

# folder -> folders of ours that it may include, beside itself and proto's generated code where listed as "linnet/<package>".
RUNTIME = ["runtime/" + f for f in "base kernels quant pack gguf tokenizer template model sampler grammar engine tools".split()]
ALLOWED = {
    "runtime/base": [],
    "runtime/kernels": [],
    "runtime/quant": ["runtime/kernels", "runtime/base"],
    "runtime/pack": ["runtime/tokenizer", "runtime/gguf", "runtime/quant", "runtime/kernels", "runtime/base"],
    "runtime/gguf": ["runtime/base", "runtime/kernels"],
    "runtime/tokenizer": ["runtime/gguf", "runtime/base"],
    "runtime/template": ["runtime/base"],
    "runtime/model": ["runtime/kernels", "runtime/quant", "runtime/pack", "runtime/gguf", "runtime/base"],
    "runtime/sampler": ["runtime/base", "runtime/grammar", "runtime/kernels"],
    "runtime/grammar": ["runtime/tokenizer", "runtime/base"],
    "runtime/engine": RUNTIME[:10],
    "runtime/tools": RUNTIME,
    "runtime/net": ["runtime/base", "linnet/privacy"],
    "storage/db": ["runtime/base"],
    "storage/audit": ["runtime/base"],
    "storage/repo": ["storage/audit", "storage/db", "runtime/base"],
    "storage/trust": ["runtime/base"],
    "storage/chunks": ["storage/db", "runtime/base"],
    "agent/sensors": ["runtime/base", "storage/repo"],
    "agent/answer": ["runtime/engine", "runtime/grammar", "runtime/sampler", "runtime/tokenizer", "runtime/base",
                     "agent/sensors", "storage/repo"],
    "agent/device": RUNTIME + ["storage/repo", "storage/db", "agent/answer", "agent/sensors", "agent/update"],
    "agent/owner": ["runtime/base", "storage/repo", "storage/db"],
    "agent/update": ["runtime/base", "runtime/pack", "storage/audit", "storage/trust", "storage/chunks", "storage/repo", "storage/db"],
    "agent/fleet": ["runtime/base", "runtime/net", "storage/audit", "storage/trust", "storage/chunks", "storage/repo", "storage/db",
                    "agent/update", "agent/peers", "linnet/fleet", "linnet/privacy"],
    "agent/peers": ["runtime/base", "runtime/net", "storage/audit", "storage/chunks", "storage/db", "linnet/peer"],
    "agent/grpc": ["runtime/base", "runtime/net", "runtime/engine", "runtime/grammar", "runtime/sampler", "runtime/tokenizer",
                   "storage/repo", "storage/db", "agent/answer", "agent/sensors", "agent/owner", "agent/update", "agent/fleet",
                   "agent/device", "linnet/agent"],
    "agent/http": ["runtime/base", "runtime/net", "runtime/engine", "runtime/grammar", "runtime/sampler",
                   "runtime/tokenizer", "agent/answer", "agent/owner", "agent/device"],
    "agent": ["*"],  # main.cc builds everything and passes it down
    "coordinator": ["runtime/base", "runtime/net", "storage/db", "storage/repo", "storage/trust", "storage/chunks",
                    "storage/audit", "linnet/fleet", "linnet/admin", "linnet/privacy"],
    "deploy/probe": RUNTIME,
    "deploy/simulate": ["runtime/base", "agent/sensors"],
    "deploy/tuf": ["runtime/base", "storage/trust"],
    "deploy/cli": ["runtime/base", "runtime/net", "runtime/pack", "storage/audit", "storage/trust", "storage/chunks", "storage/db",
                   "linnet/agent", "linnet/admin"],
}
OURS = ("runtime/", "storage/", "agent/", "coordinator/", "deploy/", "linnet/", "tests/")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
# Kernel sets see intrinsics and the headers of the border, nothing else of ours (an inline function of ours compiled with
# AVX would be the copy that the linker keeps for everybody).
KERNEL_BORDER = {"runtime/kernels/types.h", "runtime/kernels/ops.h", "runtime/kernels/tiles.h",
                 "runtime/kernels/planes.h", "runtime/kernels/attend_tiles.h", "runtime/kernels/float_product.h",
                 "runtime/kernels/fetch_ahead.h"}


# What a set may take from others: the sets whose instructions it extends. (Internal linkage: check_kernel_symbols.sh.)
EXTENDS = {"runtime/kernels/neon_dotprod": ["runtime/kernels/neon"],
           "runtime/kernels/neon_i8mm": ["runtime/kernels/neon", "runtime/kernels/neon_dotprod"],
           "runtime/kernels/avxvnni": ["runtime/kernels/avx2"],
           "runtime/kernels/avx512vnni": ["runtime/kernels/avx2"]}


def folder_of(path: str) -> str:
    parts = path.split("/")[:-1]
    while parts and "/".join(parts) not in ALLOWED:
        parts.pop()
    return "/".join(parts)


def included_folder(include: str) -> str:
    if include.startswith("linnet/"):
        return "/".join(include.split("/")[:2])
    return folder_of(include)


def main() -> int:
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")
    wrong = checked = 0
    for top in ("runtime", "storage", "agent", "coordinator", "deploy"):
        for where, _, names in os.walk(os.path.join(root, top)):
            for name in names:
                if not name.endswith((".h", ".cc")):
                    continue
                path = os.path.relpath(os.path.join(where, name), root)
                folder = folder_of(path)
                if not folder:
                    print(f"{path}: its folder is not in the table of tests/tools/check_includes.py")
                    wrong += 1
                    continue
                isa = path.startswith("runtime/kernels/") and path.count("/") == 3
                with open(os.path.join(root, path), encoding="utf-8") as source:
                    for number, line in enumerate(source, 1):
                        match = INCLUDE.match(line)
                        if not match or not match.group(1).startswith(OURS):
                            continue
                        checked += 1
                        target = included_folder(match.group(1))
                        own = os.path.dirname(path)
                        if isa and match.group(1) not in KERNEL_BORDER and os.path.dirname(match.group(1)) not in [own, *EXTENDS.get(own, [])]:
                            print(f"{path}:{number}: a kernel set may include ops.h, types.h and its own folder, not {match.group(1)}")
                            wrong += 1
                        if target != folder and target not in ALLOWED[folder] and "*" not in ALLOWED[folder]:
                            print(f"{path}:{number}: {folder} may not include {match.group(1)}")
                            wrong += 1
    print(f"{checked} includes checked, {wrong} against the direction")
    return 1 if wrong or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
