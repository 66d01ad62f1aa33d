"""Helpers of the tests: start a run, read its log back with the second reader, run a script in its own process."""

import os
import subprocess
import sys
import textwrap

import logreader
import quipu
from outcome import Fold

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def start(**arguments):
    arguments.setdefault("project", "p")
    arguments.setdefault("settings", {"console": "off"})
    return quipu.init(**arguments)


def fold(run):
    """Finishes a run and folds its log."""
    run.finish()
    return Fold(logreader.records(run._info["log_path"]))


def rows(run):
    return fold(run).rows


def log_of(directory):
    """The log of the only run below a directory."""
    found = []
    for folder, _, names in os.walk(directory, followlinks=False):
        found += [os.path.join(folder, name) for name in names if name.endswith(".wandb")]
    assert len(found) == 1, found
    return Fold(logreader.records(found[0]))


def script(text, *arguments, environment=None, cwd=None, text_mode=True):
    """Runs a program that uses the package. Returns the finished process."""
    path = os.path.join(cwd or os.getcwd(), "script.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(textwrap.dedent(text))
    variables = dict(os.environ, PYTHONPATH=os.path.join(ROOT, "bindings", "python"), **(environment or {}))
    return subprocess.run(
        [sys.executable, path, *arguments], cwd=cwd, env=variables, capture_output=True, text=text_mode, timeout=60,
        check=False,
    )  # fmt: skip
