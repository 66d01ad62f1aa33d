"""Artifacts of runs on disk: `quipu sync` makes of them the versions that the official client makes."""

import hashlib
import json
import pathlib
import shutil
import time

import pytest
from conftest import QUIET, run_directory
from faults import PUT, plan
from programs import fill

OFFLINE = {"WANDB_MODE": "offline", **QUIET}

LOGGING = """
import os, pathlib
import wandb
run = wandb.init(project="artifacts", id=ID)
pathlib.Path("in/deep").mkdir(parents=True, exist_ok=True)
pathlib.Path("in/a.txt").write_text("alpha " + ID)
pathlib.Path("in/deep/b.bin").write_bytes(bytes(range(256)) * 100)
pathlib.Path("in/empty").write_bytes(b"")
first = wandb.Artifact("data-" + ID, type="dataset", description="the first", metadata={"rows": 3, "nested": {"k": [1, 2]}})
first.add_dir("in", name="dir")
first.add_reference("https://example.invalid/object.csv", name="ref.csv", checksum=False)
table = wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
first.add(table, "tbl")
run.log_artifact(first, aliases=["best", "prod"], tags=["tag one"])
run.log({"x": 0, "table": table})
pathlib.Path("in/a.txt").write_text("changed " + ID)
second = wandb.Artifact("data-" + ID, type="dataset")
second.add_dir("in", name="dir")
run.log_artifact(second, aliases=["best"])
again = wandb.Artifact("data-" + ID, type="dataset")
again.add_dir("in", name="dir")
run.log_artifact(again)
# The table lies in the run's own artifact now: an entry that refers to it.
third = wandb.Artifact("refers-" + ID, type="dataset")
third.add(table, "borrowed")
run.log_artifact(third)
alone = wandb.Artifact("alone-" + ID, type="dataset")
with alone.new_file("x.txt") as file:
    file.write("alone " + ID)
run.log_artifact(alone)
run.finish()
"""


@pytest.fixture
def logged(official, run_id):
    return official(fill(LOGGING, ID=run_id), env=OFFLINE)


def versions(server, run_id, download=None):
    """Everything that can be read of the run's artifacts, by name with version."""
    found = {}
    for artifact in server.api().run(f"local/artifacts/{run_id}").logged_artifacts():
        entries = {}
        for path, entry in artifact.manifest.entries.items():
            ref = str(entry.ref or "")
            # The ids of artifacts are the server's own.
            if ref.startswith("wandb-artifact://"):
                ref = "wandb-artifact://ID/" + ref.split("/", 3)[3]
            entries[path] = (entry.digest, entry.size or 0, ref, bool(entry.extra))
        found[artifact.name] = {
            "type": artifact.type, "digest": artifact.digest, "aliases": sorted(artifact.aliases),
            "tags": sorted(artifact.tags), "description": artifact.description, "metadata": artifact.metadata,
            "state": artifact.state, "size": artifact.size, "count": artifact.file_count, "entries": entries}
        if download:
            target = pathlib.Path(download) / artifact.name.replace(":", "-")
            for path, entry in artifact.manifest.entries.items():
                if not entry.ref:
                    got = artifact.get_entry(path).download(root=str(target))
                    content = pathlib.Path(got).read_bytes()
                    assert len(content) == entry.size
    return found


def check(server, run_id, download=None):
    found = versions(server, run_id, download)
    data = f"data-{run_id}"
    assert {f"{data}:v0", f"{data}:v1", f"refers-{run_id}:v0"} <= set(found), sorted(found)
    assert f"{data}:v2" not in found
    assert found[f"{data}:v0"]["aliases"] == ["prod"]
    assert found[f"{data}:v1"]["aliases"] == ["best", "latest"]
    assert found[f"{data}:v0"]["description"] == "the first" and found[f"{data}:v0"]["tags"] == ["tag one"]
    assert found[f"{data}:v0"]["metadata"] == {"rows": 3, "nested": {"k": [1, 2]}}
    assert all(artifact["state"] == "COMMITTED" for artifact in found.values())
    return found


def test_artifacts_of_the_official_client_become_the_same_versions(server, start_server, quipu, official, logged, run_id,
                                                                   tmp_path):
    other = start_server()
    copy = tmp_path / "copy/wandb" / run_directory(logged).name
    shutil.copytree(run_directory(logged), copy, symlinks=True)
    quipu.sync(run_directory(logged), directory=logged.directory)
    official.sync(copy, server=other, directory=logged.directory)
    ours = check(server, run_id, tmp_path / "ours")
    assert ours == check(other, run_id, tmp_path / "theirs")
    borrowed = ours[f"refers-{run_id}:v0"]["entries"]
    assert any(ref.startswith("wandb-artifact://ID/") for _, _, ref, _ in borrowed.values()), borrowed


def test_a_logged_table_of_ours_is_an_artifact(server, quipu, run_id, tmp_path):
    made = quipu(fill("""
import wandb
run = wandb.init(project="artifacts", id=ID)
for step in range(2):
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[step, "x"], [2, "y"]])})
run.finish()
""", ID=run_id), env=OFFLINE)
    quipu.sync(run_directory(made), directory=made.directory)
    found = versions(server, run_id, tmp_path)
    assert {name.rsplit(":", 1)[0]: about["type"] for name, about in found.items()} == {f"run-{run_id}-table": "run_table"}
    artifact = server.api().artifact(f"local/artifacts/run-{run_id}-table:latest")
    table = artifact.get("table")
    assert table.columns == ["a", "b"] and table.data == [[1, "x"], [2, "y"]]


def test_a_second_pass_over_artifacts_changes_nothing(server, proxy, quipu, logged, run_id):
    between = proxy()
    quipu.sync(run_directory(logged), server=between, directory=logged.directory)
    before = check(server, run_id)
    between.forget()
    quipu.sync(run_directory(logged), server=between, directory=logged.directory)
    assert between.count() == 0
    # As if nothing were known of the first pass.
    for path in run_directory(logged).glob("*.upload*"):
        path.unlink()
    quipu.sync(run_directory(logged), server=between, directory=logged.directory)
    assert check(server, run_id) == before
    assert between.count("CommitArtifact") == 0


STEPS = ["CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles", "CommitArtifact", "ClientIDMapping", PUT]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", [plan.status(500), plan.status(429, retry_after=0), plan.lost_answer(),
                                   plan.reset_request()], ids=str)
def test_passing_trouble_at_a_step_makes_no_difference(server, proxy, quipu, logged, run_id, step, fault):
    between = proxy(plan.Rule(step, fault, times=2))
    quipu.sync(run_directory(logged), server=between, directory=logged.directory)
    # References within the run need no question.
    assert len(between.faults()) == (0 if step == "ClientIDMapping" else 2)
    check(server, run_id)


def test_expired_urls_are_asked_for_again(server, proxy, quipu, logged, run_id):
    seen = set()

    def first_time(request):
        path = request.path.partition("?")[0]
        if request.kind != PUT or path in seen:
            return False
        seen.add(path)
        return True

    between = proxy(plan.Rule(first_time, plan.status(403), None))
    quipu.sync(run_directory(logged), server=between, directory=logged.directory)
    check(server, run_id)


def test_an_artifact_that_is_refused_does_not_hold_up_the_others(server, proxy, quipu, logged, run_id):
    refuse = plan.answer(200, json.dumps({"errors": [{"message": "quota exceeded"}], "data": None}))
    between = proxy(plan.Rule(
        lambda request: request.kind == "CreateArtifact"
        and request.json["variables"]["input"]["artifactCollectionName"].startswith("data-"), refuse, None))
    done = quipu.sync(run_directory(logged), server=between, directory=logged.directory, check=False)
    assert "quota exceeded" in done.stdout + done.stderr and f"data-{run_id}" in done.stdout + done.stderr
    assert f"alone-{run_id}:v0" in versions(server, run_id)
    assert server.run("artifacts", run_id, "state")["state"] == "finished"


def test_a_staged_file_that_has_gone_or_changed_fails_its_artifact_only(server, quipu, logged, run_id):
    staging = logged.directory / ".home/.local/share/wandb/artifacts/staging"
    gone = [path for path in staging.rglob("*") if path.is_file() and path.read_text(errors="replace") == f"alpha {run_id}"]
    changed = [path for path in staging.rglob("*") if path.is_file() and path.read_text(errors="replace") == f"changed {run_id}"]
    assert gone and changed
    for path in gone:
        path.unlink()
    for path in changed:
        path.chmod(0o600)
        path.write_text(f"differs {run_id}")
    done = quipu.sync(run_directory(logged), directory=logged.directory, check=False)
    said = done.stdout + done.stderr
    assert "does not exist" in said and "has changed" in said
    found = versions(server, run_id)
    assert not any(name.startswith("data-") for name in found) and f"alone-{run_id}:v0" in found
    assert server.run("artifacts", run_id, "state")["state"] == "finished"


@pytest.mark.parametrize("step", [step for step in STEPS if step != "ClientIDMapping"])
def test_a_kill_in_the_middle_leaves_nothing_behind(server, proxy, quipu, logged, run_id, step):
    between = proxy(plan.Rule(step, plan.stall(60, delivered=True), None, skip=1))
    process = quipu.start_sync(run_directory(logged), server=between, directory=logged.directory)
    deadline = time.monotonic() + 60
    while not between.faults():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    quipu.sync(run_directory(logged), directory=logged.directory)
    check(server, run_id)


def test_digests_are_those_of_the_files(server, quipu, logged, run_id):
    quipu.sync(run_directory(logged), directory=logged.directory)
    found = versions(server, run_id)
    for artifact in found.values():
        text = "wandb-artifact-manifest-v1\n" + "".join(
            f"{path}:{entry[0]}\n" for path, entry in sorted(artifact["entries"].items()))
        assert hashlib.md5(text.encode()).hexdigest() == artifact["digest"]
