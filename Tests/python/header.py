"""A small reader of include/quipu.h, enough to compare it with a table of ctypes signatures."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "include", "quipu.h")


def _plain():
    text = open(PATH, encoding="utf-8").read()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"[ \t]*//[^\n]*", " ", text)


def _declarator(text):
    """("const char *const *", "keys") of a parameter or member."""
    text = " ".join(text.split())
    match = re.match(r"(.*?)([A-Za-z_]\w*)?(\[\d*\])?$", text)
    kind, name = match.group(1).strip(), match.group(2)
    if not kind:
        kind, name = name, ""
    return kind.replace(" *", "*").replace("* ", "*"), name or ""


def functions():
    """name -> (result type, [parameter types])."""
    found = {}
    for match in re.finditer(r"QUIPU_API\s+([^;{}()]*?)(\w+)\s*\(([^;{}]*?)\)\s*;", _plain()):
        result = " ".join(match.group(1).split()).replace(" *", "*")
        parameters = match.group(3).strip()
        types = [] if parameters == "void" else [_declarator(part)[0] for part in parameters.split(",")]
        found[match.group(2)] = (result, types)
    return found


def structures():
    """name -> [(type, member)]."""
    found = {}
    for match in re.finditer(r"typedef struct (\w+) \{(.*?)\} \w+;", _plain(), flags=re.S):
        members = []
        for line in match.group(2).split(";"):
            if line.strip():
                members.append(_declarator(line))
        found[match.group(1)] = members
    return found


def constants():
    """Enumeration constants and number macros: name -> value."""
    text = _plain()
    found = {}
    for body in re.findall(r"enum \{(.*?)\}", text, flags=re.S):
        for part in body.split(","):
            if "=" in part:
                name, value = part.split("=")
                found[name.strip()] = int(value.strip(), 0)
    for name, value in re.findall(r"#define (QUIPU_\w+) \(?(?:\(int64_t\))?\(?(-?\d+)u?\)?\)?\s*\n", text):
        found[name] = int(value)
    return found
