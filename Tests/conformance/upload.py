"""What a server gets of a run, as `quipu export --format upload` shows it, in the words of the vectors."""

import json
import os
import re
import subprocess

from values import encode

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RUN_FIELDS = ("name", "notes", "tags", "group", "job_type", "sweep_id", "project")

_CLOCK = ("_timestamp", "_runtime")
_OPTIONS = {1: "step_sync", 2: "hidden", 3: "defined"}
_MODES = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 7: "copy", 8: "first"}


def command():
    """The built command line, or None."""
    for path in (os.environ.get("QUIPU_COMMAND"), os.path.join(ROOT, "build", "bin", "quipu")):
        if path and os.access(path, os.X_OK):
            return path
    return None


def of(log):
    """The whole upload of a log. JSON here knows NaN and Infinity."""
    program = command()
    if program is None:
        raise FileNotFoundError("the quipu command is not built (build/bin/quipu)")
    done = subprocess.run([program, "export", "--format", "upload", log], capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


def without_clock(summary):
    tree = {key: value for key, value in summary.items() if key not in _CLOCK}
    inner = {key: value for key, value in tree.pop("_wandb", {}).items() if key != "runtime"}
    return {**tree, "_wandb": inner} if inner else tree


def definitions(listed):
    """`_wandb.m`, decoded and sorted by name."""
    names = [entry.get("1") or entry["2"] for entry in listed]
    found = []
    for name, entry in zip(names, listed):
        shown = {"name": name, "glob": "2" in entry}
        if "5" in entry:
            shown["step_metric"] = names[entry["5"] - 1]
        shown["options"] = sorted(_OPTIONS[number] for number in entry.get("6", []))
        if entry.get("7"):
            shown["summary"] = sorted(_MODES[number] for number in entry["7"])
        found.append(shown)
    return sorted(found, key=lambda shown: shown["name"])


def outcome(sent, with_console=False):
    """An upload, for comparing."""
    config = json.loads(sent["config"])
    inner = config.pop("_wandb")["value"]
    rows = [json.loads(line) for line in sent["history"]]
    found = {
        "history": encode([{key: value for key, value in row.items() if key not in _CLOCK} for row in rows]),
        "summary": encode(without_clock(json.loads(sent["summary"]))),
        "config": encode({key: entry["value"] for key, entry in config.items()}),
        "metrics": definitions(inner["m"]) or None,
        "run": {key: sent["run"][key] for key in RUN_FIELDS if key in sent["run"]},
        # A log without an exit record belongs to a run that crashed.
        "exit_code": 1 if sent["exitcode"] is None else sent["exitcode"],
    }
    if "first_history_line" in sent:  # what only a server knows
        found["first_history_line"] = sent["first_history_line"]
    if with_console:
        found["output_log"] = console(sent["console"])
    return found


def console(lines):
    """Console lines without time and stream, as `output.log` has them."""
    text = "".join(re.sub(r"^(ERROR )?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} ", "", line) + "\n" for line in lines)
    text = re.sub(r"\n+\Z", "\n", text)  # empty lines at the end are not written
    return re.sub(r"(?m)(^quipu:.*\n)+", "<client messages>\n", text) if text.strip("\n") else None
