#!/usr/bin/env python3
"""Checks that a binary does not need a shared library, which another one does.

needs.py BINARY LIBRARY CONTROL
"""

import re
import subprocess
import sys


def needed(binary):
    listed = subprocess.run(["readelf", "-d", binary], check=True, capture_output=True, text=True)
    return re.findall(r"NEEDED.*\[lib([^].]*?)(?:-[0-9.]+)?\.so", listed.stdout)


def main():
    binary, library, control = sys.argv[1:]
    if library not in needed(control):
        print(f"the control does not need {library}: {needed(control)}")
        return 1
    print(f"{binary} needs {needed(binary)}")
    return 1 if library in needed(binary) or not needed(binary) else 0


if __name__ == "__main__":
    sys.exit(main())
