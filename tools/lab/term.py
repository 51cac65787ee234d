# SPDX-License-Identifier: Apache-2.0
"""Words for a person: steps with their time, colours only where there is a terminal."""
import os
import sys
import time

TTY = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ
CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36, "bold": 1, "dim": 2}


def paint(text, *colours):
    if not TTY:
        return text
    return "".join(f"\033[{CODES[c]}m" for c in colours) + text + "\033[0m"


def say(text=""):
    print(text, flush=True)


def title(text):
    say()
    say(paint(f"== {text}", "bold"))


class step:
    """`with step("what"):` prints what is being done, then how long it took or that it failed."""

    def __init__(self, what):
        self.what = what
        self.note = ""

    def __enter__(self):
        self.t0 = time.monotonic()
        print(f"  {self.what} ... ", end="", flush=True)
        return self

    def __exit__(self, kind, value, trace):
        took = time.monotonic() - self.t0
        if kind is None:
            say(paint(self.note or "ok", "green") + paint(f"  ({took:.1f} s)", "dim"))
        else:
            say(paint("failed", "red"))
        return False
