#!/usr/bin/env python3
"""Checks that the tests which the documents name are there.

named_tests.py ROOT     prints one line per name without a test; 1 if there is any.

A document names a test as `Suite.Name`, all tests of a suite as `Suite.*`, another test of the
suite just named as `...Name`, and a script as `name.sh`.
"""

import os
import re
import sys

DOCUMENTS = ("docs/TESTING.md", "docs/MERGE_RULES.md")
CODE = re.compile(r"`([^`\n]+)`")
NAMED = re.compile(r"([A-Z]\w*)\.(\*|[A-Z]\w*)$")
CONTINUED = re.compile(r"\.\.\.([A-Z]\w*)$")
SCRIPT = re.compile(r"[a-z_]+\.sh$")
TEST = re.compile(r"\b(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)")


def tests_below(folder):
    names, scripts = set(), set()
    for path, _, files in os.walk(folder):
        for name in files:
            if name.endswith(".sh"):
                scripts.add(name)
            elif name.endswith(".cpp"):
                with open(os.path.join(path, name), encoding="utf-8") as file:
                    names.update(TEST.findall(file.read()))
    return names, scripts


def missing_in(text, names, scripts):
    suites = {suite for suite, _ in names}
    suite = None
    for word in CODE.findall(text):
        named, continued = NAMED.match(word), CONTINUED.match(word)
        if named:
            suite, test = named.groups()
            known = suite in suites if test == "*" else (suite, test) in names
        elif continued:
            known = (suite, continued.group(1)) in names
        elif SCRIPT.match(word):
            known = word in scripts
        else:
            continue
        if not known:
            yield word


def main(root):
    names, scripts = tests_below(os.path.join(root, "tests"))
    wrong = 0
    for document in DOCUMENTS:
        with open(os.path.join(root, document), encoding="utf-8") as file:
            for word in missing_in(file.read(), names, scripts):
                print(f"{document}: there is no test {word}")
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
