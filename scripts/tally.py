#!/usr/bin/env python3
"""Counts results.

    tally.py junit FILE...   reads JUnit XML
    tally.py lines FILE      adds up lines of the form "N passed, N failed, N skipped"

Prints "PASSED FAILED SKIPPED" on the first line, then one line for each failed or skipped case of the XML.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree


def junit(paths):
    passed = failed = skipped = 0
    notes = []
    for path in paths:
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
            bad = [part for part in case if part.tag in ("failure", "error")]
            left_out = [part for part in case if part.tag == "skipped"]
            if bad or case.get("status") == "fail":
                failed += 1
                text = (bad[0].get("message") or bad[0].text or "") if bad else ""
                notes.append(f"failed   {name}: {text.strip().splitlines()[0] if text.strip() else 'see the log'}")
            elif left_out or case.get("status") in ("notrun", "disabled"):
                skipped += 1
                reason = (left_out[0].get("message") or "") if left_out else ""
                notes.append(f"skipped  {name}: {reason or 'no reason given'}")
            else:
                passed += 1
    return passed, failed, skipped, notes


def lines(path):
    counts = [0, 0, 0]
    with open(path, errors="replace") as file:
        for line in file:
            match = re.search(r"(\d+) passed, (\d+) failed, (\d+) skipped", line)
            if match:
                counts = [a + int(b) for a, b in zip(counts, match.groups())]
    return (*counts, [])


def main():
    kind, paths = sys.argv[1], sys.argv[2:]
    passed, failed, skipped, notes = junit(paths) if kind == "junit" else lines(paths[0])
    print(passed, failed, skipped)
    for note in notes:
        print(note)


main()
