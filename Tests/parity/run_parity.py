#!/usr/bin/env python3
"""Runs the parity programs and compares their logs; the same with the ten-line programs of the README, and with the
online examples against a server of ours, whose state is compared then.

Needs the library in build/lib (QUIPU_LIBRARY_DIR), the Swift modules of the same release build (QUIPU_SCRATCH, default
.build), for the online part the server in build/bin (QUIPU_SERVER), and a Python with wandb and numpy, whose protobuf classes read the logs.
"""
import copy
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from base64 import b64encode
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "Tests" / "Vectors" / "transaction-log"))
import dump_wandb  # noqa: E402

LIBRARY = Path(os.environ.get("QUIPU_LIBRARY_DIR") or ROOT / "build" / "lib")
SERVER = Path(os.environ.get("QUIPU_SERVER") or ROOT / "build" / "bin" / "quipu-server")
SCRATCH = Path(os.environ.get("QUIPU_SCRATCH") or ROOT / ".build")
passed = failed = skipped = 0


def say(word, name, text=""):
    global passed, failed, skipped
    passed += word == "ok"
    failed += word == "not ok"
    skipped += word == "skip"
    print(f"{word:7} {name}{': ' + text if text else ''}", flush=True)


def command(name, *line, **more):
    """Runs a command; its output, or None after a failure that is counted."""
    result = subprocess.run([str(word) for word in line], capture_output=True, text=True, **more)
    if result.returncode != 0:
        text = (result.stderr or result.stdout).strip()
        say("not ok", name, f"{Path(str(line[0])).name} ended with {result.returncode}")
        print("        " + text.replace("\n", "\n        ")[-3000:])
        return None
    return result.stdout


def find_swiftc():
    swift = os.environ.get("SWIFT") or shutil.which("swift") or "/opt/swift/usr/bin/swift"
    path = Path(os.path.realpath(swift)).parent / "swiftc"
    return path if path.exists() else shutil.which("swiftc")


def build_swift(work, name, source, *flags):
    """Links a program with the modules that `make build` has compiled; the package is not built a second time."""
    swiftc = find_swiftc()
    folders = sorted(SCRATCH.glob("*-linux-gnu/release"))
    if not swiftc or not folders or not (folders[0] / "Modules" / "Quipu.swiftmodule").exists():
        say("skip", name, f"no release build of module Quipu below {SCRATCH}")
        return None
    bin_path = folders[0]
    # The link of the library lists its objects; the folders may hold older ones as well.
    listed = (bin_path / "QuipuC.product" / "Objects.LinkFileList").read_text().split()
    wanted = tuple(f"{module}.build" for module in ("QuipuBase", "QuipuRecords", "QuipuMedia", "QuipuSync", "Quipu"))
    objects = [path for path in (line.strip("'\"") for line in listed) if any(f"/{part}/" in path for part in wanted)]
    maps = []
    for folder in sorted((ROOT / "Sources").glob("C*")):
        for file in folder.rglob("module.modulemap"):
            maps += ["-Xcc", f"-fmodule-map-file={file}", "-Xcc", f"-I{file.parent}"]
    out = command(
        f"{name} builds", swiftc, "-swift-version", "6", *flags, source, "-I", bin_path / "Modules", *maps, *objects,
        "-lpng", "-lz", "-o", work / source.name.replace(".", "_"))
    return None if out is None else [work / source.name.replace(".", "_")]


def build_native(work, name, compiler, source, *flags):
    out = command(
        f"{name} builds", compiler, *flags, "-O1", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include",
        f"-I{ROOT}/bindings/cpp", source, "-o", work / source.name.replace(".", "_"), f"-L{LIBRARY}", "-lquipu",
        f"-Wl,-rpath,{LIBRARY}", "-lm")
    return None if out is None else [work / source.name.replace(".", "_")]


def records(directory):
    logs = list(Path(directory).glob("*.wandb"))
    assert len(logs) == 1, f"{len(logs)} logs in {directory}"
    data = logs[0].read_bytes()
    _, payloads, events, end = dump_wandb.read_all(data)
    assert end == "eof" and not events, f"the log is not clean: {events} {end}"
    return [dump_wandb.to_json(payload) for _, payload in payloads]


RANDOM_NAME = re.compile(r"_[0-9a-f]{20}(?=\.)")
DATE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?")


def normal(record):
    """The record without what must differ from program to program."""
    record = copy.deepcopy(record)
    record.pop("control", None)

    def walk(value, key=""):
        if isinstance(value, dict):
            names = value.get("nested_key") or [value.get("key")]
            if names[0] in ("_timestamp", "_runtime") and "value_json" in value:
                value["value_json"] = "TIME"
            if names[0] == "_wandb" and "value_json" in value and names == ["_wandb"] or (
                    value.get("key") == "_wandb"):
                value["value_json"] = "PROGRAM"
            if names[-1] in ("_latest_artifact_path", "artifact_path") and "value_json" in value:
                value["value_json"] = "RANDOM"
            if names[:2] == ["_wandb", "runtime"]:
                value["value_json"] = "TIME"
            for name in list(value):
                if name in ("start_time", "runtime", "timestamp", "client_id", "sequence_client_id", "host", "local_path"):
                    value[name] = name.upper()
                else:
                    value[name] = walk(value[name], name)
            return value
        if isinstance(value, list):
            return [walk(part, key) for part in value]
        if isinstance(value, str):
            if key == "value_json":
                try:
                    tree = json.loads(value)
                except ValueError:
                    return value
                if isinstance(tree, dict) and "_latest_artifact_path" in tree:
                    tree["_latest_artifact_path"] = "RANDOM"
                    value = json.dumps(tree)
            return DATE.sub("DATE", value)
        return value

    return walk(record)


def stream(directory):
    """One line of text per record. Records about the program itself are named, not compared."""
    lines = []
    derived = {}
    report = records(directory)
    for record in report:
        kind = next((name for name in record if name not in ("num", "control", "_info", "uuid")), "unknown")
        if kind in ("environment", "telemetry"):
            continue
        record = normal(record)
        record.pop("num", None)
        if kind == "summary" and "_info" not in record:
            # The library adds these when the writer has a moment; what they add up to is what counts.
            for item in record["summary"].get("update", []):
                derived[tuple(item.get("nested_key") or [item.get("key")])] = item.get("value_json")
            continue
        if kind == "files":
            record["files"]["files"] = sorted(record["files"].get("files", []), key=lambda f: f.get("path", ""))
            # Only an interpreter has packages to list.
            record["files"]["files"] = [f for f in record["files"]["files"] if f.get("path") != "requirements.txt"]
            if not record["files"]["files"]:
                continue
        if kind == "run":
            record["run"].pop("telemetry", None)
            record["run"].pop("git", None)
        if kind == "artifact":
            record["artifact"].pop("digest", None)
        lines.append(json.dumps(record, sort_keys=True, ensure_ascii=False))
    lines.append(json.dumps({"summary": {".".join(k): v for k, v in sorted(derived.items())}}, ensure_ascii=False))
    return lines


def files(directory):
    """Path and size of what the run left, apart from what describes the program."""
    base = Path(directory) / "files"
    skip = {"wandb-metadata.json", "requirements.txt", "config.yaml", "output.log"}
    found = {}
    for path in sorted(base.rglob("*")):
        name = str(path.relative_to(base))
        if path.is_file() and name not in skip and not name.startswith("code/"):
            found[name] = path.read_bytes() if name != "wandb-summary.json" else b""
    return found


def compare(title, programs, work, environment, kinds, arguments):
    """Runs the programs, each in a directory of its own; all are to leave what the first one leaves."""
    results = {}
    for name, line in programs.items():
        if line is None:
            continue
        place = work / title / name
        place.mkdir(parents=True)
        if command(f"{title}: {name} runs", *line, *arguments(place), env=environment, cwd=place) is None:
            continue
        try:
            directory = os.path.realpath(place / "wandb" / "latest-run")
            results[name] = (stream(directory), files(directory))
        except Exception as error:  # what is wrong with the log is the test's result
            say("not ok", f"{title}: {name} leaves a log", repr(error))
            continue
        say("ok", f"{title}: {name} leaves a log", f"{len(results[name][0])} records compared")
    if "C" not in results:
        return
    found = {next(k for k in json.loads(line) if k not in ("num", "_info", "control")) for line in results["C"][0]}
    missing = [kind for kind in kinds if kind not in found]
    say("not ok" if missing else "ok", f"{title}: C writes every kind of record", " ".join(missing))
    for name in ("C++", "Swift", "Python"):
        if name not in results:
            continue
        first, other = results["C"], results[name]
        difference = list(difflib.unified_diff(first[0], other[0], "C", name, lineterm="", n=0))
        say("not ok" if difference else "ok", f"{title}: {name} writes the records of C")
        for line in difference[:40]:
            print("        " + line[:1200])
        unequal = [path for path in sorted(set(first[1]) | set(other[1])) if first[1].get(path) != other[1].get(path)]
        say("not ok" if unequal else "ok", f"{title}: {name} leaves the files of C", " ".join(unequal)[:300])


ASK = """query($run: String!) { project(name: "quickstart", entityName: "local") { run(name: $run) {
  state exitcode historyLineCount config summaryMetrics history } } }"""


class Server:
    """A server of ours on a free port, with a new directory."""

    def __init__(self, work):
        self.process = subprocess.Popen([str(SERVER), "--data", str(work / "server"), "--port", "0"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.environment = {}
        for line in self.process.stdout:
            name, is_export, value = line.strip().removeprefix("export ").partition("=")
            if is_export and name.startswith("WANDB_"):
                self.environment[name] = value
            if len(self.environment) == 2:
                break

    def run(self, name):
        """What the server holds of a run."""
        user = b64encode(b"api:" + self.environment["WANDB_API_KEY"].encode()).decode()
        request = urllib.request.Request(
            self.environment["WANDB_BASE_URL"] + "/graphql",
            json.dumps({"query": ASK, "variables": {"run": name}}).encode(),
            {"Content-Type": "application/json", "Authorization": "Basic " + user})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]["project"]["run"]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def plain(run):
    """The state of a run without its times."""
    rows = [json.loads(line) for line in run["history"]]
    summary = json.loads(run["summaryMetrics"])
    for values in [*rows, summary]:
        for name in ("_timestamp", "_runtime", "_wandb"):
            values.pop(name, None)
    config = {key: value for key, value in json.loads(run["config"]).items() if key != "_wandb"}
    return {"state": run["state"], "exitcode": run["exitcode"], "rows": rows, "summary": summary, "config": config}


def online(work, environment, programs):
    """Runs the programs against one server; all are to leave there what the first one leaves."""
    if not SERVER.exists():
        say("skip", "online", f"{SERVER} is not built")
        return
    server = Server(work)
    found = {}
    try:
        for number, (name, line) in enumerate(programs.items()):
            if line is None:
                continue
            place = work / "online" / name
            place.mkdir(parents=True)
            run = f"online{number}"
            out = command(f"online: {name} runs", *line, cwd=place, timeout=120,
                          env=dict(environment, **server.environment, WANDB_RUN_ID=run))
            if out is None:
                continue
            said = "100 rows sent" in out
            say("ok" if said else "not ok", f"online: {name} says what it sent", "" if said else out[-300:])
            found[name] = plain(server.run(run))
    finally:
        server.stop()
    if "C" not in found:
        return
    rows = [row["_step"] for row in found["C"]["rows"]]
    complete = rows == list(range(100)) and found["C"]["state"] == "finished"
    say("ok" if complete else "not ok", "online: the rows of C are on the server")
    for name in ("C++", "Swift", "Python"):
        if name in found:
            same = found[name] == found["C"]
            say("ok" if same else "not ok", f"online: {name} leaves on the server what C leaves",
                "" if same else str({k: v for k, v in found[name].items() if v != found["C"][k]})[:300])


def main():
    work = Path(tempfile.mkdtemp(prefix="quipu-parity-"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "QUIPU_"))}
    environment.update(HOME=str(work), PYTHONPATH=str(ROOT / "bindings" / "python"),
                       QUIPU_LIBRARY=str(LIBRARY / "libquipu.so"), PYTHONDONTWRITEBYTECODE="1")
    (work / "input").mkdir()
    (work / "input" / "notes.md").write_text("kept\n")
    cc, cxx = os.environ.get("CC", "gcc"), os.environ.get("CXX", "g++")
    compare("parity", {
        "C": build_native(work, "parity: C", cc, HERE / "parity.c", "-std=c11"),
        "C++": build_native(work, "parity: C++", cxx, HERE / "parity.cpp", "-std=c++17"),
        "Swift": build_swift(work, "parity: Swift", HERE / "parity.swift", "-parse-as-library"),
        "Python": [sys.executable, HERE / "parity.py"],
    }, work, environment, ("history", "summary", "config", "metric", "run", "exit", "files", "alert", "header"),
        lambda place: (place, work / "input"))
    compare("media", {
        "C": build_native(work, "media: C", cc, HERE / "media.c", "-std=c11"),
        "C++": build_native(work, "media: C++", cxx, HERE / "media.cpp", "-std=c++17"),
        "Swift": build_swift(work, "media: Swift", HERE / "media.swift", "-parse-as-library"),
        "Python": [sys.executable, HERE / "media.py"],
    }, work, environment, ("history", "summary", "config", "files", "artifact"), lambda place: (place,))
    # The README's programs say nothing about where they log: as a user does, the environment says it.
    quick = dict(environment, WANDB_MODE="offline", WANDB_RUN_ID="quick001", WANDB_CONSOLE="off",
                 WANDB_DISABLE_GIT="true", WANDB_DISABLE_CODE="true", WANDB_SILENT="true",
                 WANDB_X_DISABLE_STATS="true")
    compare("quickstart", {
        "C": build_native(work, "quickstart: C", cc, ROOT / "bindings/c/examples/quickstart.c", "-std=c11"),
        "C++": build_native(work, "quickstart: C++", cxx, ROOT / "bindings/cpp/examples/quickstart.cpp", "-std=c++17"),
        "Swift": build_swift(work, "quickstart: Swift", ROOT / "examples/quickstart.swift"),
        "Python": [sys.executable, ROOT / "bindings/python/examples/quickstart.py"],
    }, work, quick, ("history", "summary", "run", "exit", "header"), lambda place: ())
    online(work, dict(environment, WANDB_CONSOLE="off", WANDB_DISABLE_GIT="true", WANDB_SILENT="true",
                      WANDB_X_DISABLE_STATS="true", WANDB_X_SAVE_REQUIREMENTS="false"), {
        "C": build_native(work, "online: C", cc, ROOT / "bindings/c/examples/online.c", "-std=c11"),
        "C++": build_native(work, "online: C++", cxx, ROOT / "bindings/cpp/examples/online.cpp", "-std=c++17"),
        "Swift": build_swift(work, "online: Swift", ROOT / "examples/online.swift"),
        "Python": [sys.executable, ROOT / "bindings/python/examples/online.py"],
    })
    if os.environ.get("QUIPU_KEEP"):
        print(work)
    else:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


sys.exit(main())
