#!/usr/bin/env python3
"""Runs test vectors against this build, through the Python binding.

    run_conformance.py DIRECTORY [--kind run|media|transaction-log] [--only REGEX] [--jobs N] [-v]

Every kind found under DIRECTORY is run: `run/*.json` (scenarios), `media/GROUP/CASE/` (data types), `transaction-log/`
(files to read). Each kind ends with a line `KIND: N passed, N failed, N skipped`. The exit status is 1 if anything
failed. No case is known by its name here; `deviations.json` lists where Quipu differs on purpose, each with its reason.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import kind_media  # noqa: E402
import kind_run  # noqa: E402
import kind_transaction_log  # noqa: E402

KINDS = {"transaction-log": kind_transaction_log, "run": kind_run, "media": kind_media}

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class Deviations:
    """The list of deliberate differences. Each entry: kind, case (a regular expression for the whole name), differs
    (one for the places that may differ; default: all), reason."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.entries = json.load(file)
        self.used = collections.Counter()

    def split(self, kind, name, differences):
        """(differences that are not listed, reasons of those that are)."""
        left, reasons = list(differences), []
        for number, entry in enumerate(self.entries):
            if entry["kind"] != kind or not re.fullmatch(entry["case"], name):
                continue
            kept = [text for text in left if not re.match(entry.get("differs", ""), text)]
            if len(kept) < len(left):
                self.used[number] += 1
                reasons.append(entry["reason"])
                left = kept
        return left, reasons

    def unused(self, kind):
        return [entry for number, entry in enumerate(self.entries) if entry["kind"] == kind and not self.used[number]]


def attempt(module, case):
    try:
        return module.run(case)
    except Exception as error:  # noqa: BLE001 - a broken case is a failed case
        return FAILED, [f"the runner failed: {type(error).__name__}: {error}"]


def run_kind(kind, directory, options, deviations):
    module = KINDS[kind]
    cases = [case for case in module.cases(directory) if not options.only or re.search(options.only, case.name)]
    counts = collections.Counter()
    skipped = collections.defaultdict(list)
    deviating = collections.defaultdict(list)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for case, (state, notes) in zip(cases, pool.map(lambda case: attempt(module, case), cases)):
            if state == FAILED:
                notes, reasons = deviations.split(kind, case.name, notes)
                if not notes:
                    state = PASSED
                    for reason in reasons:
                        deviating[reason].append(case.name)
            counts[state] += 1
            if state == SKIPPED:
                skipped[notes].append(case.name)
            elif state == FAILED:
                print(f"FAIL {case.name}")
                for note in notes[: 40 if options.verbose else 6]:
                    print(f"     {note}")
            elif options.verbose:
                print(f"pass {case.name}")
    for reason, names in deviating.items():
        print(f"deviation ({len(names)}): {reason}")
        if options.verbose:
            print("     " + ", ".join(names))
    for reason, names in skipped.items():
        print(f"skipped ({len(names)}): {reason}")
        if options.verbose:
            print("     " + ", ".join(names))
    own = os.path.realpath(directory) == os.path.realpath(os.path.join(ROOT, "Tests", "Vectors", kind))
    if own and not options.only:  # the list is kept for the project's own vectors
        for entry in deviations.unused(kind):
            counts[FAILED] += 1
            print(f"FAIL deviations.json: {entry['case']} no longer differs at {entry.get('differs', '')}; remove it")
    print(f"{kind}: {counts[PASSED]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped", flush=True)
    return counts


def check_library():
    """One clear line when the library is not built, instead of one per case."""
    sys.path.insert(0, os.path.join(ROOT, "bindings", "python"))
    try:
        import quipu  # noqa: F401
    except ImportError as error:
        sys.exit(f"run_conformance: {error}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", nargs="?", default=os.path.join(ROOT, "Tests", "Vectors"))
    parser.add_argument("--kind", choices=sorted(KINDS), action="append")
    parser.add_argument("--only", help="regular expression: only cases whose name matches")
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() or 2))
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    if not os.path.isdir(options.directory):
        parser.error(f"{options.directory} is not a directory")
    check_library()
    deviations = Deviations(os.path.join(HERE, "deviations.json"))
    found, failed = 0, 0
    for kind in KINDS:
        directory = os.path.join(os.path.abspath(options.directory), kind)
        if os.path.isdir(directory) and (not options.kind or kind in options.kind):
            counts = run_kind(kind, directory, options, deviations)
            found += sum(counts.values())
            failed += counts[FAILED]
    if not found:
        print(f"no vectors under {options.directory}")
    sys.exit(1 if failed or not found else 0)


if __name__ == "__main__":
    main()
