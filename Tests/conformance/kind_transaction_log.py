"""Transaction logs: files of the official client, whole and damaged, read by the `quipu` command."""

import collections
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
Case = collections.namedtuple("Case", "name path expected")


def command():
    """The built command line, or None."""
    for path in (os.environ.get("QUIPU_COMMAND"), os.path.join(ROOT, "build", "bin", "quipu")):
        if path and os.access(path, os.X_OK):
            return path
    return None


def cases(directory):
    with open(os.path.join(directory, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    return [
        Case(name, os.path.join(directory, name + ".wandb"), expected[name])
        for name in sorted(expected)
        if os.path.exists(os.path.join(directory, name + ".wandb"))
    ]


def run(case):
    quipu = command()
    if quipu is None:
        return "skipped", "the quipu command is not built (build/bin/quipu)"
    process = subprocess.run(
        [quipu, "export", case.path, "--format", "records"], capture_output=True, timeout=60, check=False
    )
    if process.returncode not in (0, 1, 3, 4):
        message = process.stderr.decode("utf-8", "replace").strip().splitlines()
        return "failed", [f"exit status {process.returncode}: {message[-1] if message else ''}"]
    records = [json.loads(line) for line in process.stdout.decode("utf-8").splitlines() if line.strip()]
    if len(records) != case.expected["records"]:
        return "failed", [f"expected {case.expected['records']} records, got {len(records)}"]
    return "passed", []
