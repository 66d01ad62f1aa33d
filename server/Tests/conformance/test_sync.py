"""Runs that were logged without a server, and what `wandb sync` makes of them: each row once, however often."""

import json
import shutil

import pytest
from conftest import LIBRARY, REPOSITORY

OFFLINE = """
import wandb
run = wandb.init(project="sync", id="offline", name="off", mode="offline", config={"lr": 0.5}, tags=["off"])
run.define_metric("loss", summary="min")
for i in range(ROWS):
    run.log({"loss": 1 / (i + 1), "i": i})
print("offline output")
open("saved.txt", "w").write("saved\\n")
run.save("saved.txt", policy="now")
run.finish()
"""


def check(server, rows, project="sync", run="offline"):
    found = server.history(project, run)
    assert len(found) == rows
    assert all(row["_step"] == i and row["i"] == i and row["loss"] == 1 / (i + 1) for i, row in enumerate(found))
    node = server.run(project, run, "state exitcode config summaryMetrics tags displayName historyLineCount")
    assert (node["state"], node["exitcode"], node["tags"], node["displayName"]) == ("finished", 0, ["off"], "off")
    assert json.loads(node["config"])["lr"] == {"value": 0.5}
    assert json.loads(node["summaryMetrics"])["loss"] == {"min": 1 / rows}
    assert [line["line"] for line in server.console(project, run)].count("offline output") == 1
    assert node["historyLineCount"] == rows
    scanned = server.api().run(f"local/{project}/{run}").scan_history(keys=["loss", "i"], page_size=20_000)
    assert [row["i"] for row in scanned] == list(range(rows))


@pytest.mark.parametrize("rows", [20, 100_000])
def test_a_run_synced_twice_has_each_row_once(start_server, run_client, rows):
    server = start_server()
    offline = run_client(OFFLINE.replace("ROWS", str(rows)), server=server, timeout=200)
    [log] = offline.run_directories()
    # Nothing was sent so far.
    assert server.run("sync", "offline", "id") is None
    run_client.cli("sync", log, server=server, directory=offline.directory)
    check(server, rows)
    events = server.run("sync", "offline", "eventsLineCount events(samples: 1000)")
    run_client.cli("sync", "--include-synced", log, server=server, directory=offline.directory)
    check(server, rows)
    again = server.run("sync", "offline", "eventsLineCount events(samples: 1000)")
    assert again["eventsLineCount"] == events["eventsLineCount"] and len(again["events"]) == len(events["events"])
    api = server.api()
    assert [file.name for file in api.run("local/sync/offline").files() if file.name == "saved.txt"] == ["saved.txt"]


def test_two_syncs_at_once_leave_each_row_once(start_server, run_client):
    server = start_server()
    offline = run_client(OFFLINE.replace("ROWS", "3000"), server=server)
    [log] = offline.run_directories()
    copies = []
    for name in ("first", "second"):
        directory = offline.directory.parent / f"{name}-copy"
        shutil.copytree(log, directory / "wandb" / log.name)
        copies.append(run_client.start(["sync", directory / "wandb" / log.name], server=server, directory=directory))
    for process in copies:
        process.wait(60)
        assert process.returncode == 0, (process.directory / "stderr").read_text()
    check(server, 3000)


def test_sync_into_another_project_and_id(server, run_client):
    offline = run_client(OFFLINE.replace("ROWS", "20"))
    [log] = offline.run_directories()
    run_client.cli("sync", "--project", "elsewhere", "--entity", "crew", "--id", "other", log,
                   directory=offline.directory)
    rows = server.history("elsewhere", "other", entity="crew")
    assert [row["i"] for row in rows] == list(range(20))


def test_runs_of_our_own_library_synced_by_the_official_client(server, run_client):
    if not (LIBRARY / "libquipu.so").exists():
        pytest.skip(f"libquipu.so is not built in {LIBRARY} (set QUIPU_LIBRARY)")
    quickstart = (REPOSITORY / "bindings/python/examples/quickstart.py").read_text()
    more = """
import math
run = wandb.init(project="quickstart", id="kinds", name="a name", mode="offline", config={"a": {"b": [1, 2]}},
                 tags=["t"], notes="n")
for i in range(50):
    run.log({"i": i, "third": i / 3, "nan": math.nan, "text": f"row {i}", "nested": {"x": i}})
run.summary["extra"] = 1.5
run.finish()
"""
    environment = {
        "PYTHONPATH": str(REPOSITORY / "bindings/python"), "QUIPU_LIBRARY": str(LIBRARY / "libquipu.so"),
        "WANDB_MODE": "offline", "WANDB_RUN_ID": None}
    logged = run_client(quickstart + more, env=environment)
    logs = logged.run_directories()
    assert len(logs) == 2, logged.stderr
    run_client.cli("sync", *logs, directory=logged.directory)
    names = [run.id for run in server.api().runs("local/quickstart", order="+created_at")]
    assert len(names) == 2 and "kinds" in names
    [quick] = [name for name in names if name != "kinds"]
    rows = server.history("quickstart", quick)
    weight = 0.0
    assert len(rows) == 100
    for step, row in enumerate(rows):
        error = weight * 3 - 6
        weight -= 0.02 * error * 3
        assert (row["_step"], row["loss"], row["weight"]) == (step, error * error, weight)
    rows = server.history("quickstart", "kinds")
    assert [(row["i"], row["third"], row["text"], row["nested"]) for row in rows] == [
        (i, i / 3, f"row {i}", {"x": i}) for i in range(50)]
    assert all(row["nan"] != row["nan"] for row in rows)
    run = server.api().run("local/quickstart/kinds")
    assert (run.name, run.notes, run.tags, run.state) == ("a name", "n", ["t"], "finished")
    assert run.config == {"a": {"b": [1, 2]}} and run.summary["extra"] == 1.5 and run.summary["i"] == 49
    run_client.cli("sync", "--include-synced", *logs, directory=logged.directory)
    assert len(server.history("quickstart", "kinds")) == 50 and len(server.history("quickstart", quick)) == 100
    assert server.run("quickstart", "kinds", "state")["state"] == "finished"
