#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every row of rows.def has its test in the file that it names, and every test has its row."""

import glob
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CONTROLS = {"runc", "crun", "naive"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def main():
    rows = [[w.strip() for w in x.split("|")]
            for x in read(os.path.join(HERE, "rows.def")).splitlines()
            if x and not x.startswith("#")]
    attacks = {(m, os.path.basename(p)) for p in glob.glob(os.path.join(HERE, "*.t"))
               for m in re.findall(r'^@row\("([^"]+)"', read(p), re.M)}
    wrong = [f"{r}: four columns" for r in rows if len(r) != 4 or not all(r)]
    wrong += [f"{r[0]}: no attack in {r[1]}" for r in rows if (r[0], r[1]) not in attacks]
    wrong += [f"{r[0]}: shown by {r[2]!r}" for r in rows
              if not r[2] or set(r[2].split()) - CONTROLS]
    wrong += [f"{name} in {file}: no row" for name, file in sorted(attacks)
              if (name, file) not in {(r[0], r[1]) for r in rows}]
    names = [r[0] for r in rows]
    wrong += [f"{n}: twice" for n in sorted(set(names)) if names.count(n) > 1]
    print("1..1")
    print(f"{'not ' if wrong or not rows else ''}ok 1 - {len(rows)} rows have a test each")
    for w in wrong:
        print(f"# {w}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
