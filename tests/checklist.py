#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Is each test there that the checklist in README.md names?

usage: tests/checklist.py        exit status 1 when one is missing
"""
import os
import re
import sys

TESTS = os.path.dirname(os.path.abspath(__file__))
LINES = 38


def exists(name):
    if name.endswith(".scn"):
        return os.path.exists(os.path.join(TESTS, "scenario", name))
    where, function = name.split(" ")
    path = os.path.join(TESTS, "../control", where + ".c")
    if not os.path.exists(path):
        return False
    return f"static void {function}(void **state)" in open(path).read()


def main():
    text = open(os.path.join(TESTS, "README.md")).read()
    rows = re.findall(r"^\| (\d+) \| .* \| ([^|]*) \|$", text, re.M)
    bad = 0
    for n, (number, cell) in enumerate(rows, 1):
        for name in re.findall(r"`([^`]*)`", cell):
            if not exists(name):
                print(f"{number}: no {name}")
                bad += 1
        if int(number) != n or not cell:
            print(f"line {n} is missing or says nothing")
            bad += 1
    if len(rows) != LINES:
        print(f"{len(rows)} lines of {LINES}")
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
