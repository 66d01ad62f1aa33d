#!/usr/bin/env python3
"""Counts results.

    tally.py junit FILE...   reads JUnit XML
    tally.py lines FILE      adds up lines of the form "N passed, N failed, N skipped"

Prints "PASSED FAILED SKIPPED" on the first line, then one line for each failed or skipped case of the XML.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree


def first_words(case, parts):
    """Why, in one line: the message, or what the program said on a line of its own that starts with "#"."""
    texts = [part.get("message") or part.text or "" for part in parts]
    printed = (case.findtext("system-out") or "").splitlines()
    texts += [line.lstrip("# ") for line in printed if line.startswith("#")] + ["see the log"]
    for text in texts:
        words = text.strip().splitlines()
        if words and words[0] not in ("", "Failed", "SKIP_RETURN_CODE=77"):
            return words[0][:300]
    return "see the log"


def junit(paths):
    passed = failed = skipped = 0
    notes = []
    for path in paths:
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            group, name = case.get("classname") or "", case.get("name") or ""
            if group and group != name:
                name = f"{group}.{name}"
            bad = [part for part in case if part.tag in ("failure", "error")]
            left_out = [part for part in case if part.tag == "skipped"]
            if bad or case.get("status") == "fail":
                failed += 1
                notes.append(f"failed   {name}: {first_words(case, bad)}")
            elif left_out or case.get("status") in ("notrun", "disabled"):
                skipped += 1
                notes.append(f"skipped  {name}: {first_words(case, left_out)}")
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
