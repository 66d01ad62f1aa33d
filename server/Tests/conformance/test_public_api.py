"""`wandb.Api()` against the server: everything that it reads and writes about projects, runs, rows and files."""

import json

import pytest
import requests

PROJECT = "api"

MAKE = """
import wandb
for n in range(5):
    run = wandb.init(project="api", id=f"run{n}", name=f"api-{n}", group="g" if n < 3 else "h", job_type="j",
                     tags=["api", f"n{n}"], notes=f"note {n}",
                     config={"lr": 0.1 * (n + 1), "nest": {"a": n}, "name": f"c{n}"},
                     settings=wandb.Settings(x_stats_sampling_interval=0.1))
    for i in range(30):
        run.log({"loss": 1 / (i + 1) + n, "acc": i / 30} if i % 2 == 0 else {"loss": 1 / (i + 1) + n})
    print("line one"); print("line two")
    open("note.txt", "w").write(f"note {n}\\n")
    run.save("note.txt", policy="now")
    if n == 4:
        import time; time.sleep(1)
    run.finish(exit_code=1 if n == 2 else 0)
"""


@pytest.fixture(scope="module")
def runs(program, tmp_path_factory):
    """A server of this file's own with five runs, and a Public API bound to it."""
    import subprocess
    import sys

    from conftest import Server, _ended, client_environment

    directory = tmp_path_factory.mktemp("api")
    server = Server(directory / "data")
    (directory / "make.py").write_text(MAKE)
    made = subprocess.run([sys.executable, "make.py"], cwd=directory, capture_output=True, text=True, timeout=120,
                          env=client_environment(directory, server.url, server.key))
    assert made.returncode == 0, made.stderr
    yield server, server.api()
    _ended(server)


def ids(found):
    return [run.id for run in found]


def test_viewer_and_entities(runs):
    server, api = runs
    assert api.default_entity == "local" and api.viewer.username == "local"
    assert api.viewer.entity == "local" and "local" in api.viewer.teams
    assert api.team("local").name == "local"
    assert [user.username for user in api.users("local")] == ["local"] and api.user("nobody") is None
    assert len(api.viewer.api_keys) >= 1


def test_projects(runs):
    server, api = runs
    assert PROJECT in [project.name for project in api.projects("local")]
    project = api.project(PROJECT, "local")
    assert (project.name, project.entity) == (PROJECT, "local") and project.id
    api.create_project("made-over-the-api", "local")
    api.create_project("made-over-the-api", "local")
    for n in range(7):
        api.create_project(f"page{n}", "local")
    names = [project.name for project in server.api().projects("local", per_page=3)]
    assert sorted(names) == sorted(set(names)) and {f"page{n}" for n in range(7)} | {"made-over-the-api"} <= set(names)
    assert list(api.runs("local/made-over-the-api")) == []
    with pytest.raises(Exception):
        list(api.runs("local/no-such-project"))


@pytest.mark.parametrize("filters, expected", [
    ({}, [0, 1, 2, 3, 4]),
    (None, [0, 1, 2, 3, 4]),
    ({"state": "finished"}, [0, 1, 3, 4]),
    ({"$and": [{"config.lr": {"$gte": 0.15}}, {"state": {"$in": ["finished", "failed"]}}]}, [1, 2, 3, 4]),
    ({"config.lr.value": {"$lt": 0.25}}, [0, 1]),
    ({"config.nest.a": 3}, [3]),
    ({"config.name": {"$regex": "^c[12]$"}}, [1, 2]),
    ({"tags": "n3"}, [3]),
    ({"tags": {"$in": ["n0", "n4"]}}, [0, 4]),
    ({"tags": {"$nin": ["n0", "n4"]}}, [1, 2, 3]),
    ({"display_name": {"$regex": "^api-[01]"}}, [0, 1]),
    ({"displayName": "api-2"}, [2]),
    ({"name": "run3"}, [3]),
    ({"group": "g", "jobType": "j"}, [0, 1, 2]),
    ({"$or": [{"name": "run0"}, {"group": {"$ne": "g"}}]}, [0, 3, 4]),
    ({"$nor": [{"name": "run0"}, {"group": "h"}]}, [1, 2]),
    ({"summary_metrics.loss": {"$gt": 3}}, [3, 4]),
    ({"summary_metrics.nothing": {"$exists": False}}, [0, 1, 2, 3, 4]),
    ({"config.nothing": {"$exists": True}}, []),
    ({"username": "local"}, [0, 1, 2, 3, 4]),
    ({"createdAt": {"$gt": "2020-01-01T00:00:00"}}, [0, 1, 2, 3, 4]),
    ({"created_at": {"$lt": "2020-01-01T00:00:00Z"}}, []),
    ({"duration": {"$gte": 3600}}, []),
    ({"sweep": "none"}, []),
])
def test_filters(runs, filters, expected):
    server, api = runs
    found = api.runs(f"local/{PROJECT}", filters=filters, order="+created_at", per_page=2)
    assert ids(found) == [f"run{n}" for n in expected]
    assert len(found) == len(expected)


def test_orders_and_pages(runs):
    server, api = runs
    up = [f"run{n}" for n in range(5)]
    for order, expected in [("+created_at", up), ("-created_at", up[::-1]), ("+config.lr.value", up),
                            ("-config.lr.value", up[::-1]), ("-summary_metrics.loss", up[::-1]),
                            ("+heartbeat_at", up), ("summary_metrics.loss", up)]:
        for per_page in (1, 2, 5, 50):
            assert ids(api.runs(f"local/{PROJECT}", order=order, per_page=per_page)) == expected, (order, per_page)
    # Runs that lack the field come last, each of them once.
    server.upsert(PROJECT, "bare")
    api = server.api()  # one keeps the listings it has seen
    assert ids(api.runs(f"local/{PROJECT}", order="-config.lr.value", per_page=2)) == up[::-1] + ["bare"]
    assert ids(api.runs(f"local/{PROJECT}", order="+config.lr.value", per_page=2)) == up + ["bare"]
    api.run(f"local/{PROJECT}/bare").delete()
    with pytest.raises(Exception, match="bogus"):
        list(api.runs(f"local/{PROJECT}", order="+bogus"))
    with pytest.raises(Exception, match="(?i)operator|\\$bogus"):
        list(api.runs(f"local/{PROJECT}", filters={"config.lr": {"$bogus": 1}}))


def test_fields_of_a_run(runs):
    server, api = runs
    run = api.run(f"local/{PROJECT}/run1")
    assert (run.id, run.name, run.state, run.group, run.job_type, run.notes, run.tags) == (
        "run1", "api-1", "finished", "g", "j", "note 1", ["api", "n1"])
    assert run.config == {"lr": 0.2, "nest": {"a": 1}, "name": "c1"}
    assert run.summary["loss"] == 1 / 30 + 1 and run.summary["_step"] == 29
    assert run.url == f"{server.url}/local/{PROJECT}/runs/run1" and run.user.username == "local"
    assert run.created_at.endswith("Z") or "T" in run.created_at
    assert run.lastHistoryStep == 29 and run.historyLineCount == 30 if hasattr(run, "historyLineCount") else True
    assert run.metadata["program"].endswith("make.py")
    assert api.run(f"local/{PROJECT}/run2").state == "failed"
    assert ids(api.runs(f"local/{PROJECT}", lazy=False, order="+created_at"))[1] == "run1"
    full = api.runs(f"local/{PROJECT}", lazy=False, order="+created_at")[1]
    assert full.config == run.config and full.summary._json_dict == run.summary._json_dict
    with pytest.raises(Exception, match="missing"):
        api.run(f"local/{PROJECT}/missing")
    system = api.run(f"local/{PROJECT}/run4")
    assert any(key.startswith("system.") for key in system.system_metrics)
    assert requests.get(run.url, auth=("api", server.key), timeout=30).status_code == 200


def test_history_sampled_full_and_scanned(runs):
    server, api = runs
    run = api.run(f"local/{PROJECT}/run0")
    loss = [1 / (i + 1) for i in range(30)]
    assert [row["loss"] for row in run.history(samples=1000, pandas=False)] == loss
    few = run.history(samples=10, pandas=False)
    assert len(few) == 10 and few[0]["_step"] == 0 and few[-1]["_step"] >= 26
    both = run.history(samples=500, keys=["loss", "acc"], pandas=False)
    assert [(row["loss"], row["acc"]) for row in both] == [(loss[i], i / 30) for i in range(0, 30, 2)]
    assert [row["_step"] for row in both] == list(range(0, 30, 2))
    three = run.history(samples=5, keys=["loss"], pandas=False)
    assert len(three) == 5 and all(row["loss"] == loss[row["_step"]] for row in three)
    assert run.history(keys=["no such key"], pandas=False) == []
    assert [row["loss"] for row in run.scan_history()] == loss
    assert [row["loss"] for row in run.scan_history(page_size=7)] == loss
    assert [row["acc"] for row in run.scan_history(keys=["loss", "acc"], page_size=7)] == [
        i / 30 for i in range(0, 30, 2)]
    assert [row["_step"] for row in run.scan_history(min_step=5, max_step=10)] == [5, 6, 7, 8, 9]
    assert [row["_step"] for row in run.scan_history(keys=["_step", "loss"], min_step=5, max_step=10)] == [
        5, 6, 7, 8, 9]
    assert list(run.scan_history(min_step=30)) == []
    assert [row["_step"] for row in run.scan_history(min_step=28, max_step=1000)] == [28, 29]
    system = api.run(f"local/{PROJECT}/run4").history(stream="system", samples=50, pandas=False)
    assert system and any(key.startswith("system.") for key in system[0])
    many = api.runs(f"local/{PROJECT}", order="+created_at").histories(samples=3, keys=["loss"], format="default")
    assert {row["run_id"] for row in many} == {f"run{n}" for n in range(5)}
    server.upsert(PROJECT, "norows")
    empty = api.run(f"local/{PROJECT}/norows")
    assert list(empty.scan_history()) == [] and empty.history(pandas=False) == [] and empty.lastHistoryStep == -1
    empty.delete()


def test_buckets_of_our_own_field(runs):
    server, api = runs
    [buckets] = server.run(PROJECT, "run0", 'bucketedHistory(specs: ["{\\"key\\": \\"loss\\", \\"buckets\\": 3}"])')[
        "bucketedHistory"]
    assert [bucket["count"] for bucket in buckets] == [10, 10, 10]
    assert [(bucket["min"], bucket["max"], bucket["first"], bucket["last"]) for bucket in buckets] == [
        (1 / (last + 1), 1 / (first + 1), 1 / (first + 1), 1 / (last + 1)) for first, last in
        ((0, 9), (10, 19), (20, 29))]


def test_files(runs, tmp_path):
    server, api = runs
    run = api.run(f"local/{PROJECT}/run0")
    names = [file.name for file in run.files(per_page=2)]
    assert "note.txt" in names and len(names) == len(set(names)) and len(run.files()) == len(names)
    assert [file.name for file in run.files(pattern="%.json")] == sorted(
        name for name in names if name.endswith(".json"))
    assert [file.name for file in run.files(["note.txt", "config.yaml"])] == ["config.yaml", "note.txt"]
    file = run.file("note.txt")
    assert file.size == 7 and file.mimetype.startswith("text/plain")
    assert file.download(root=str(tmp_path), replace=True).read() == "note 0\n"
    assert run.file("not-there.txt").size == 0
    path = tmp_path / "sub" / "up load.txt"
    path.parent.mkdir()
    path.write_text("uploaded later\n")
    uploaded = run.upload_file(str(path), root=str(tmp_path))
    assert (uploaded.name, uploaded.size) == ("sub/up load.txt", 15)
    path.write_text("changed\n")
    assert run.upload_file(str(path), root=str(tmp_path)).size == 8
    assert uploaded.download(root=str(tmp_path / "d"), replace=True).read() == "changed\n"
    assert run.load(force=True)["state"] == "finished", "an upload does not reopen a run"
    run.file("sub/up load.txt").delete()
    assert "sub/up load.txt" not in [file.name for file in api.run(f"local/{PROJECT}/run0").files()]
    answer = requests.get(f"{server.url}/files/local/{PROJECT}/run0/note.txt", auth=("api", server.key), timeout=30)
    assert answer.content == b"note 0\n"
    logs = run.console_logs(per_page=1)
    assert [entry.content for entry in logs] == ["line one", "line two"]
    assert [entry.content for entry in run.console_logs(last=1)] == ["line two"]


def test_updates(runs):
    server, api = runs
    made = api.create_run(run_id="made", project=PROJECT, entity="local")
    assert made.id == "made" and made.state == "running"
    run = api.run(f"local/{PROJECT}/made")
    run.tags.append("added")
    run.notes = "edited"
    run.name = "renamed"
    run.group = "group"
    run.config["lr"] = 99
    run.config["new"] = {"deep": [1]}
    run.update()
    run.summary["extra"] = 5
    run.summary["nested"] = {"x": 1}
    run.summary.update()
    again = server.api().run(f"local/{PROJECT}/made")
    assert (again.tags, again.notes, again.name, again.group) == (["added"], "edited", "renamed", "group")
    assert again.config == {"lr": 99, "new": {"deep": [1]}}
    assert again.summary["extra"] == 5 and dict(again.summary["nested"]) == {"x": 1}
    again.tags = []
    again.notes = None
    del again.config["new"]
    again.update()
    third = server.api().run(f"local/{PROJECT}/made")
    assert third.tags == [] and not third.notes and third.config == {"lr": 99} and third.summary["extra"] == 5
    # Tags are added and taken away without the rest.
    assert third.update_state("failed") and server.run(PROJECT, "made", "state")["state"] == "failed"
    assert third.update_state("pending") and server.run(PROJECT, "made", "state")["state"] == "pending"
    with pytest.raises(Exception):
        third.update_state("no-such-state")
    third.delete(delete_artifacts=True)
    with pytest.raises(Exception):
        server.api().run(f"local/{PROJECT}/made")
    # The name is free again, and nothing of the old run is left.
    fresh = api.create_run(run_id="made", project=PROJECT, entity="local")
    assert server.run(PROJECT, "made", "tags summaryMetrics historyLineCount fileCount") == {
        "tags": [], "summaryMetrics": "{}", "historyLineCount": 0, "fileCount": 0}
    fresh.delete()


def test_an_unknown_field_is_named_in_the_error(runs):
    server, api = runs
    status, _, body = server.request("POST", "/graphql", {"query": "{ viewer { id nonsense } }"})
    answer = json.loads(body)
    assert status in (200, 400) and "nonsense" in answer["errors"][0]["message"] and not answer.get("data")
