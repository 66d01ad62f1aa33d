#!/usr/bin/env python3
"""Compares the functions of include/quipu.h, the exports of libquipu.so and docs/symbols-in-versions.

    symbols.py header          print the functions that the header declares
    symbols.py exports LIB     print the dynamic symbols that the library defines
    symbols.py check LIB       compare all three; fails with the differences
    symbols.py update          add functions that are new in the header to the list, with the version in VERSION

The list holds "name since" (and "deprecated VERSION" as third and fourth word), one function a line, and only grows:
a name that left the header is a broken promise, whatever the reason.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "docs" / "symbols-in-versions"
TITLE = "# Functions of include/quipu.h: name, version that brought it, and `deprecated VERSION` where that is so.\n"


def declared():
    """Names and since-versions: what the compiler sees, minus bodies of static inline functions."""
    text = subprocess.run(
        ["gcc", "-E", "-P", "-DQUIPU_API=QUIPU_EXPORTED", "-x", "c", str(ROOT / "include" / "quipu.h")],
        check=True, capture_output=True, text=True).stdout
    depth, outside = 0, []
    for character in text:
        depth += (character == "{") - (character == "}")
        outside.append(";" if character == "}" else character if depth == 0 else " ")  # a body ends its declaration
    names = set()
    for declaration in re.split(r";", "".join(outside)):
        match = re.search(r"\b(quipu_\w+)\s*\(", declaration)
        if match and not re.search(r"\b(typedef|static)\b", declaration):
            names.add(match.group(1))
    return names


def exported(library):
    text = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in text.splitlines() if line.split()}


def kept():
    listed = {}
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if not re.fullmatch(r"quipu_\w+ \d+\.\d+\.\d+( deprecated \d+\.\d+\.\d+)?", " ".join(words)):
            sys.exit(f"{LIST.name}:{number}: not `name version [deprecated version]`: {line}")
        if words[0] in listed:
            sys.exit(f"{LIST.name}:{number}: {words[0]} is listed twice")
        listed[words[0]] = words[1]
    return listed


def differences(first, first_name, second, second_name):
    return [f"{name} is in {first_name} but not in {second_name}" for name in sorted(first - second)] + [
        f"{name} is in {second_name} but not in {first_name}" for name in sorted(second - first)]


def check(library):
    header, library_names = declared(), exported(library)
    if not header:
        sys.exit("no function found in quipu.h")
    if not LIST.exists():
        sys.exit(f"{LIST.relative_to(ROOT)} does not exist (make it with Tests/install/symbols.py update)")
    wrong = differences(header, "quipu.h", library_names, "the library")
    wrong += differences(header, "quipu.h", set(kept()), "docs/symbols-in-versions")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(header)} functions")


def update():
    version = (ROOT / "VERSION").read_text().split()[0]
    lines = LIST.read_text().splitlines(keepends=True) if LIST.exists() else [TITLE]
    known = kept() if LIST.exists() else {}
    lines += [f"{name} {version}\n" for name in sorted(declared() - set(known))]
    head = [line for line in lines if line.startswith("#")]
    LIST.parent.mkdir(exist_ok=True)
    LIST.write_text("".join(head + sorted(line for line in lines if not line.startswith("#"))))


def main():
    match sys.argv[1:]:
        case ["header"]: print("\n".join(sorted(declared())))
        case ["exports", library]: print("\n".join(sorted(exported(library))))
        case ["check", library]: check(library)
        case ["update"]: update()
        case _: sys.exit(__doc__)


main()
