#!/usr/bin/env python3
"""Checks that the shared library exports what satchel.h declares, and nothing else.

exports.py HEADER LIBRARY
"""

import re
import subprocess
import sys


def main():
    header = re.sub(r"/\*.*?\*/", "", open(sys.argv[1], encoding="utf-8").read(), flags=re.S)
    declared = set(re.findall(r"SATCHEL_API[^;(]*?\b(satchel_\w+)\(", header))
    listed = subprocess.run(["nm", "-D", "--defined-only", sys.argv[2]], check=True,
                            capture_output=True, text=True).stdout
    exported = {re.sub(r"@.*", "", line.split()[-1]) for line in listed.splitlines()}
    exported.discard("SATCHEL_0")
    for name in sorted(declared - exported):
        print(f"declared and not exported: {name}")
    for name in sorted(exported - declared):
        print(f"exported and not declared: {name}")
    print(f"{len(declared)} functions")
    return 1 if declared != exported or not declared else 0


if __name__ == "__main__":
    sys.exit(main())
