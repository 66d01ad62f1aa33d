"""Scenarios of run semantics: each in a fresh process and directory, with a clean environment."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import logreader
import standin
import upload
from outcome import Fold
from values import differences, encode, text

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
Case = collections.namedtuple("Case", "name spec")

_KEEP = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "QUIPU_LIBRARY")
_GIVEN_BY_SERVER = (("name", "named-by-server-1"), ("name", "rewound"))
_LEVELS = {2: "warning", 3: "error"}

# What a scenario's outcome says about the upload is compared by itself.
_OF_THE_UPLOAD = (
    "sync_ok", "sync_messages", "history_lines", "server_run", "server_exit", "first_history_line", "summary_client",
)  # fmt: skip


def cases(directory):
    found = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".json"):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                document = json.load(file)
            for scenario in document.get("scenarios", []):
                found.append(Case(scenario["name"], scenario))
    return found


def run(case):
    top = tempfile.mkdtemp(prefix="quipu-conformance-")
    try:
        got = play(case.spec, top)
        problems = got.pop("problems")
        uploads = [run.pop("upload", None) for run in got["runs"]]
        sent = list(differences(*comparable_uploads(case.spec, uploads)))
        wanted, got = comparable(case.spec["expect"], got)
        found = problems + list(differences(wanted, got))
        found += [difference for difference in sent if difference not in found]
        return ("failed", found) if found else ("passed", [])
    finally:
        shutil.rmtree(top, ignore_errors=True)


def play(spec, top):
    """Runs a scenario; its outcome in the words of the vectors."""
    work, home = os.path.join(top, "work"), os.path.join(top, "home")
    os.makedirs(work)
    os.makedirs(home)

    def placed(value):
        return value.replace("<cwd>", work).replace("<home>", home)

    clean = {name: value for name, value in os.environ.items() if name in _KEEP}
    clean.update(HOME=home, TMPDIR=home, PYTHONIOENCODING="utf-8", NO_COLOR="1", PYTHONDONTWRITEBYTECODE="1")
    environment = dict(
        clean,
        WANDB_MODE="offline",
        WANDB__DISABLE_STATS="true",
        WANDB__DISABLE_META="true",
        WANDB__SAVE_REQUIREMENTS="false",
        PYTHONPATH=os.pathsep.join([HERE, os.path.join(ROOT, "bindings", "python")]),
    )
    for name, value in spec.get("env", {}).items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = placed(value)
    server = None
    if "server" in spec:
        server = standin.StandIn(spec["server"])
        environment.update(WANDB_MODE="online", WANDB_BASE_URL=server.url, WANDB_API_KEY="k" * 40)
        for name, value in spec.get("env", {}).items():
            if value is not None:
                environment[name] = placed(value)
    try:
        return played(spec, top, work, environment, clean, placed, server)
    finally:
        if server:
            server.close()


def played(spec, top, work, environment, clean, placed, server):
    for path, content in spec.get("files", {}).items():
        path = placed(path) if path.startswith("<home>") else os.path.join(work, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
    for command in spec.get("shell", []):
        subprocess.run(command, shell=True, cwd=work, env=clean, check=True, capture_output=True)
    spec_path, out = os.path.join(top, "spec.json"), os.path.join(top, "out.json")
    with open(spec_path, "w", encoding="utf-8") as file:
        json.dump(spec, file)
    with open(os.path.join(work, "train.py"), "w", encoding="utf-8") as file:
        file.write(f"import scenario\nscenario.main({spec_path!r}, {out!r})\n")
    process = subprocess.Popen(
        [sys.executable, "train.py", *spec.get("argv", [])],
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, stderr = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, stderr = process.communicate()
        return {"problems": ["timed out after 60 s: " + stderr.decode("utf-8", "replace")[-300:]]}
    stderr = stderr.decode("utf-8", "replace")
    if not os.path.exists(out):
        return {"problems": [f"no outcome, exit status {process.returncode}: {stderr[-400:]}"]}
    with open(out, encoding="utf-8") as file:
        child = json.load(file)
    got = {
        "problems": [],
        "results": child["results"],
        "errors": child["errors"],
        "process_exit_code": process.returncode,
        "warnings": warnings(out + ".messages"),
        "terminal": [line[6:].removeprefix(" ") for line in stderr.splitlines() if line.startswith("quipu:")],
        "dir": listing(work),
        "runs": [],
    }
    for item in child["runs"]:
        got["runs"].append(run_outcome(item, spec, got["problems"], server))
    return got


def warnings(path):
    found = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                message = json.loads(line)
                if message["level"] in _LEVELS:
                    found.append({"level": _LEVELS[message["level"]], "kind": message["kind"]})
    return found


def listing(work):
    names = set()
    for directory, _, files in os.walk(work):
        for file in files:
            name = re.sub(r"\d{8}_\d{6}", "<time>", os.path.relpath(os.path.join(directory, file), work))
            if "/logs/" not in name and name != "train.py" and not name.startswith(".git/"):
                names.add(name)
    for link in ("latest-run", "debug.log", "debug-internal.log"):
        if os.path.islink(os.path.join(work, "wandb", link)):
            names.add(f"wandb/{link} ->")
    return sorted(names)


def run_outcome(item, spec, problems, server=None):
    outcome = {"handle": item["handle"], "config_client": item["config"]}
    if item["disabled"]:
        outcome["disabled"], outcome["summary"] = True, item["summary"]
        outcome["files_on_disk"] = bool(item["sync_dir"]) and os.path.exists(item["sync_dir"])
        return outcome
    try:
        fold = Fold(logreader.records(item["log"]))
    except (OSError, ValueError, IndexError, KeyError) as error:
        problems.append(f"the log of {item['handle']} cannot be read: {type(error).__name__}: {error}")
        return outcome
    problems.extend(fold.problems)
    outcome["history"] = encode(fold.rows)
    if fold.metric_records:
        outcome["metric_records"] = fold.metric_records
        outcome["metrics"] = fold.metrics()
    if fold.others:
        outcome["records"] = fold.others
    outcome["run"] = fold.run_fields(spec.get("record_id"), spec.get("record_git"))
    outcome["exit_code"] = fold.exit.get("exit_code", 0) if fold.exit is not None else None
    sent = server.sent() if server else upload.of(item["log"])
    if sent:
        outcome["upload"] = upload.outcome(sent, spec.get("record_output") and not server)
    outcome["summary"] = fold.summary()
    outcome["config"] = fold.config()
    log = os.path.join(item["dir"], "output.log")
    if spec.get("record_output") and os.path.exists(log):
        with open(log, encoding="utf-8", newline="") as file:
            outcome["output_log"] = re.sub(r"(?m)(^quipu:.*\n)+", "<client messages>\n", file.read())
    return outcome


def comparable_uploads(spec, uploads):
    """What the server would be told of each run, expected and found, under the names of the runs' own outcomes."""
    wanted, got = [], []
    expected, known = spec["expect"], spec.get("server", {})
    for run, sent in zip(expected.get("runs", []), uploads):
        if "summary" not in run or run.get("disabled"):  # no upload was recorded
            sent = None
        if sent is None:
            wanted.append(None)
            got.append(None)
            continue
        exit_code = run.get("exit_code")
        told = run.get("server_exit", {"complete": True, "exitcode": exit_code})
        wanted.append(
            {
                "history": run.get("history_lines", run["history"]),
                "summary": run["summary"],
                "config": run["config"],
                "metrics": run.get("metrics"),
                "run": news(run.get("server_run", run["run"]), known),
                "exit_code": told and told["exitcode"],
            }
        )
        if "first_history_line" in sent:
            wanted[-1]["first_history_line"] = run.get("first_history_line", 0)
        if "output_log" in run:
            wanted[-1]["output_log"] = run["output_log"]
        else:  # a file of another name, or none: the lines are not recorded
            sent.pop("output_log", None)
        got.append({**sent, "run": news(sent["run"], known)})
    return {"runs": wanted}, {"runs": got}


def news(fields, known):
    """What the server is told of the run beside its config. The names that it gave itself are its own affair, and what
    it knows already need not be said again."""
    told = {key: value for key, value in fields.items() if key in upload.RUN_FIELDS}
    return {
        key: value for key, value in told.items() if (key, value) not in _GIVEN_BY_SERVER and known.get(key) != value
    }


def comparable(expected, got):
    """Both outcomes, reduced to what is to be equal."""
    expected = {key: value for key, value in expected.items() if key != "crash"}
    for outcome in (expected, got):
        outcome["warnings"] = sorted(outcome.get("warnings", []), key=text)
    if "dir" not in expected:
        got.pop("dir", None)
    if "terminal" in expected:
        expected["terminal"], got["terminal"] = blocks(expected["terminal"]), blocks(got.get("terminal", []))
    else:
        got.pop("terminal", None)
    runs = []
    for number, run in enumerate(expected.get("runs", [])):
        runs.append({key: value for key, value in run.items() if key not in _OF_THE_UPLOAD})
        if number < len(got.get("runs", [])):
            mine = got["runs"][number]
            for key in ("summary", "config", "metrics"):  # recorded by the upload: absent if there was none
                if "summary" not in run:
                    mine.pop(key, None)
    expected["runs"] = runs
    return expected, got


def blocks(lines):
    """The blocks of history and summary; of other lines only whether there are any."""
    found, at = {"prints": bool(lines)}, 0
    while at < len(lines):
        title = lines[at]
        at += 1
        if title in ("Run history:", "Run summary:"):
            block = []
            while at < len(lines) and lines[at] != "":
                block.append(lines[at])
                at += 1
            found[title] = block
    return found
