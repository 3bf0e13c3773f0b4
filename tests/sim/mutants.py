#!/usr/bin/env python3
"""Breaks the product on purpose, one law at a time, and asks whether the simulator notices.

    tests/sim/mutants.py --check          every patch still applies (part of the tests)
    tests/sim/mutants.py                  all mutants, up to seed 2000 each; prints the table
    tests/sim/mutants.py NAME...          those alone
    tests/sim/mutants.py --seeds N        another last seed
    tests/sim/mutants.py --work FOLDER    where to build (build/mutants)

A mutant is tests/sim/mutants/NAME.patch: a line `Law:`, a line `Breaks:`, and a patch of product
code. Each is applied to a copy of the tree as it is checked out, satchel-sim is built there and run
from seed 1 on until a world breaks. The seed that killed it must hold without the patch. Ends with
0 only if every mutant was killed.
"""
import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MUTANTS = ROOT / "tests" / "sim" / "mutants"
LAWS = 6


def field(patch, name):
    for line in patch.read_text().splitlines():
        if line.startswith(name + ": "):
            return line[len(name) + 2:]
    sys.exit(f"{patch.name} has no line `{name}:`")


def apply(patch, tree, *options):
    # Without the repository around it: the copy of the tree lies in a folder that git ignores.
    around = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.resolve().parent)}
    return subprocess.run(["git", "apply", *options, patch], cwd=tree, env=around,
                          capture_output=True, text=True)


def check(patches):
    """A patch that does not apply any more breaks nothing."""
    bad = 0
    for patch in patches:
        field(patch, "Law")
        field(patch, "Breaks")
        done = apply(patch, ROOT, "--check")
        if done.returncode != 0:
            print(f"{patch.name} does not apply: {done.stdout}{done.stderr}")
            bad += 1
    laws = collections.Counter(field(patch, "Law") for patch in patches)
    lone = [law for law, count in laws.items() if count < 2]
    print(f"{len(patches)} mutants of {len(laws)} laws, {bad} of them do not apply, "
          f"laws with one alone: {lone}")
    return bad == 0 and len(laws) == LAWS and not lone


def copy_tree(tree):
    """Only what has changed since, so that only what depends on it is built again."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True).stdout
    for name in listed.decode().split("\0"):
        source, copy = ROOT / name, tree / name
        if not name or not source.is_file():
            continue
        if copy.is_file() and copy.read_bytes() == source.read_bytes():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)


def build(tree):
    """satchel-sim of the tree; nothing where it does not compile."""
    folder = tree / "build" / "dev"
    if not (folder / "build.ninja").is_file():
        command = ["cmake", "--preset", "dev"]
        if shutil.which("ccache"):
            command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)
    jobs = f"-j{os.cpu_count()}"
    done = subprocess.run(["cmake", "--build", str(folder), jobs, "--target", "satchel-sim"],
                          cwd=tree, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout[-3000:])
        return None
    return folder / "bin" / "satchel-sim"


def run(binary, first, last):
    """The first seed that breaks, and what was said; (None, "") where all hold."""
    step = 25
    for begin in range(first, last + 1, step):
        end = min(begin + step - 1, last)
        done = subprocess.run([binary, "--seeds", f"{begin}..{end}"], capture_output=True,
                              text=True, errors="replace")
        seed = None
        for line in done.stdout.splitlines():
            if line.startswith("SEED="):
                seed = int(line.split()[0][5:])
            if line.startswith("FAILED "):
                return seed, line[len("FAILED "):]
        if done.returncode < 0 or done.returncode > 1:
            last_words = done.stderr.strip().splitlines()
            return seed, "ended: " + (last_words[-1] if last_words else str(done.returncode))
    return None, ""


def holds(binary, seed):
    done = subprocess.run([binary, "--seeds", str(seed)], capture_output=True, text=True)
    return done.returncode == 0


def shorten(said):
    """Without what is of one world alone: moments, histories, ids and values."""
    said = said.split(": ", 1)[-1].split(" [")[0]
    said = re.split(r" [0-9a-f]{6}:\d+@", said)[0]
    said = re.sub(r"/[0-9a-f]{14}|(?<=commit) [0-9a-f]{6}:\d+", "", said).rstrip(":,; ")
    return said if len(said) <= 100 else said[:97] + "..."


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "mutants")
    options = parser.parse_args()
    patches = sorted(MUTANTS.glob("*.patch"), key=lambda patch: (field(patch, "Law"), patch.stem))
    if options.check:
        sys.exit(0 if check(patches) else 1)
    patches = [patch for patch in patches if not options.names or patch.stem in options.names]
    tree = options.work / "tree"
    copy_tree(tree)
    intact = build(tree)
    if intact is None:
        sys.exit("the tree does not build")
    kept = options.work / "satchel-sim"
    shutil.copy(intact, kept)
    rows, survivors = [], 0
    for patch in patches:
        copy_tree(tree)
        done = apply(patch, tree)
        if done.returncode != 0:
            sys.exit(f"{patch.name} does not apply: {done.stdout}{done.stderr}")
        binary = build(tree)
        seed, said = run(binary, 1, options.seeds) if binary else (None, "does not compile")
        killed = seed is not None and holds(kept, seed)
        survivors += not killed
        rows.append(f"| {field(patch, 'Law')} | `{patch.stem}` | {field(patch, 'Breaks')} "
                    f"| {seed if killed else 'none'} | {shorten(said)} |")
        print(rows[-1], flush=True)
    print("\n| law | mutant | what it breaks | killed by seed | what the simulator said |")
    print("|---|---|---|---|---|")
    print("\n".join(rows))
    print(f"{len(rows) - survivors} of {len(rows)} killed")
    sys.exit(0 if survivors == 0 else 1)


if __name__ == "__main__":
    main()
