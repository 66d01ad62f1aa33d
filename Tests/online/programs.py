"""Training programs that several tests run, written for `import wandb`; `ROWS` and the like stand for what a test fills
in. Each ends with a line of JSON."""

import json

# Rows, console, a summary, config before and after the start, a saved file, a table (a media file and an artifact).
EVERYTHING = """
import json, sys, time
import wandb
began = time.monotonic()
run = wandb.init(project=PROJECT, id=ID, name="everything", config={"a": 1, "nested": {"b": [1, 2]}}, tags=["t"],
                 notes="n", group="g", job_type="j", **MORE)
started = time.monotonic()
run.define_metric("y", summary="min,max")
slowest = 0.0
for i in range(ROWS):
    row = {"x": i, "y": i / 3, "deep": {"z": -i}}
    if FILES and i == ROWS - 1:
        row["table"] = wandb.Table(columns=["a"], data=[[1], [2]])
    a = time.monotonic()
    run.log(row)
    slowest = max(slowest, time.monotonic() - a)
    if i % 10 == 0:
        print(f"line {i}")
        print(f"trouble {i}", file=sys.stderr)
    time.sleep(PAUSE)
run.config.update({"late": "value"})
run.summary["best"] = 0.5
if FILES:
    open("saved.txt", "w").write("payload\\n")
    run.save("saved.txt", policy="now")
ending = time.monotonic()
try:
    run.finish()
    finished = "ok"
except Exception as problem:
    finished = f"{type(problem).__name__}: {problem}"
print(json.dumps({"start": started - began, "slowest": slowest, "finish": time.monotonic() - ending,
                  "finished": finished}))
"""


def everything(run_id, project="online", rows=30, pause=0.005, files=True, **more):
    """EVERYTHING with its blanks filled in; `more` goes to init."""
    return fill(EVERYTHING, PROJECT=project, ID=run_id, ROWS=rows, PAUSE=pause, FILES=files, MORE=more)


def fill(text, **values):
    """The words of a program replaced by Python values."""
    import re

    for name, value in values.items():
        text = re.sub(rf"\b{name}\b", lambda _: repr(value), text)
    return text


def check_everything(server, run_id, project="online", rows=30, files=True, state="finished", exitcode=0):
    """The state of a run of EVERYTHING is complete, and each thing is there once."""
    from state import assert_rows, content_digest

    import hashlib

    assert_rows(server, project, run_id, rows)
    found = server.history(project, run_id)
    assert all(row["y"] == row["x"] / 3 and row["deep"] == {"z": -row["x"]} for row in found)
    node = server.run(project, run_id, "state exitcode displayName tags notes group jobType config summaryMetrics")
    assert (node["state"], node["exitcode"]) == (state, exitcode)
    assert (node["displayName"], node["tags"], node["notes"], node["group"], node["jobType"]) == (
        "everything", ["t"], "n", "g", "j")
    config = json.loads(node["config"])
    assert {key: value["value"] for key, value in config.items() if key != "_wandb"} == {
        "a": 1, "nested": {"b": [1, 2]}, "late": "value"}
    summary = json.loads(node["summaryMetrics"])
    assert summary["x"] == rows - 1 and summary["best"] == 0.5
    assert summary["y"] == {"min": 0, "max": (rows - 1) / 3}
    lines = [(line["level"] or "", line["line"]) for line in server.console(project, run_id)]
    for i in range(0, rows, 10):
        assert [line for _, line in lines].count(f"line {i}") == 1
        assert lines.count(("error", f"trouble {i}")) == 1, lines
    if files:
        api = server.api().run(f"local/{project}/{run_id}")
        found = {file.name: file for file in api.files()}
        assert {"saved.txt", "config.yaml", "wandb-summary.json", "output.log"} <= set(found), sorted(found)
        assert content_digest(server, found["saved.txt"]) == hashlib.md5(b"payload\n").hexdigest()
        [table] = [name for name in found if name.startswith("media/table/table_")]
        [artifact] = api.logged_artifacts()
        assert artifact.name == f"run-{run_id}-table:v0" and artifact.type == "run_table"
        assert artifact.state == "COMMITTED" and artifact.aliases == ["latest"]
        [entry] = artifact.manifest.entries.values()
        assert entry.size > 0 and found[table].size > 0
