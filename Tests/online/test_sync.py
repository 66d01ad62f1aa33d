"""`quipu sync`: what it makes of runs on disk, ours and the official client's, and that the two clients' syncs of the
same log end in the same server state."""

import os
import pathlib
import shutil

import pytest
from conftest import QUIET, ROOT, kill, log_of, run_directory, wait_for
from faults import STREAM, plan
from programs import check_everything, everything, fill
from server_fixtures import Server, _ended
from state import assert_rows, assert_same, comparable, server_state, without

LOGS = ROOT / "Tests/Vectors/transaction-log"
OFFLINE = {"WANDB_MODE": "offline"}


@pytest.fixture(scope="session")
def other_server(program, tmp_path_factory):
    """A second server, for the official client doing the same."""
    second = Server(tmp_path_factory.mktemp("other") / "data")
    yield second
    _ended(second)


def copy_of(log, place):
    """The run directory `log` again, below `place`."""
    target = pathlib.Path(place) / "wandb" / pathlib.Path(log).name
    shutil.copytree(log, target, symlinks=True)
    return target


PROGRAMS = {
    "everything": everything("RUN", project="sync", rows=25, pause=0),
    "definitions": """
import wandb
run = wandb.init(project="sync", id="RUN", name="named",
                 config={"lr": 0.1, "layers": [64, 32], "flag": True, "none": None})
run.define_metric("epoch")
run.define_metric("loss", step_metric="epoch", summary="min")
run.define_metric("val/*", step_metric="epoch", summary="max,mean,last,first")
run.define_metric("hidden", hidden=True)
for i in range(30):
    run.log({"epoch": i // 5, "loss": 1 / (i + 1), "val/f1": (i % 7) / 10, "hidden": i, "nested": {"x": i}})
run.log({"weird": float("nan"), "inf": float("inf"), "text": 'h\\u00e9llo "q"', "none": None, "big": 2 ** 70})
run.log({"a": 1}, step=100)
run.log({"b": 1}, step=100)
run.log({"c": 1}, commit=False)
run.summary["best"] = {"a": 1, "b": {"c": 2}}
run.finish()
""",
    "media": """
import numpy as np
import wandb
run = wandb.init(project="sync", id="RUN", name="named")
rng = np.random.default_rng(0)
for i in range(3):
    run.log({"img": wandb.Image(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8), caption=f"cap {i}"),
             "hist": wandb.Histogram(rng.normal(size=200), num_bins=8), "x": i})
run.log({"html": wandb.Html("<b>hi</b>")})
run.finish()
""",
    "console": """
import sys, time
import wandb
run = wandb.init(project="sync", id="RUN", name="named")
print("starting up")
print("warning text", file=sys.stderr)
for i in range(5):
    sys.stdout.write(f"\\rprogress {i}/5")
    sys.stdout.flush()
    time.sleep(0.05)
print()
print("two\\nlines at once")
print("\\x1b[31mred\\x1b[0m")
run.log({"x": 1})
run.finish()
""",
    "failure": """
import wandb
run = wandb.init(project="sync", id="RUN", name="named")
run.log({"x": 1})
run.finish(exit_code=3)
""",
    "artifacts": """
import wandb
run = wandb.init(project="sync", id="RUN", name="named", job_type="produce")
artifact = wandb.Artifact("set-RUN", type="dataset", description="first", metadata={"rows": 3})
with artifact.new_file("a.txt") as file:
    file.write("alpha")
with artifact.new_file("dir/b.txt") as file:
    file.write("beta")
artifact.add_reference("https://example.invalid/object.csv", name="ref.csv", checksum=False)
run.log_artifact(artifact, aliases=["best"])
again = wandb.Artifact("set-RUN", type="dataset")
with again.new_file("a.txt") as file:
    file.write("changed")
run.log_artifact(again)
run.log({"x": 1})
run.finish()
""",
}


def synced_by_both(quipu, official, server, other_server, log, tmp_path, project, run):
    """The states that the two syncs of copies of one log end in; directories are left for more."""
    ours, theirs = copy_of(log, tmp_path / "ours"), copy_of(log, tmp_path / "theirs")
    quipu.sync(ours, server=server, directory=tmp_path / "ours")
    official.sync(theirs, server=other_server, directory=tmp_path / "theirs")
    return server_state(server, project, run), server_state(other_server, project, run)


def tidy(state):
    """What may differ although log and times are the same: files about the client, and a whole number of seconds."""
    state = comparable(state, clocks=True)
    state["files"].pop("wandb-summary.json", None)
    # The official sync dates console lines by the time of the sync.
    state["console"] = without(state["console"], "timestamp")
    return state


# Our Python face has no artifacts of its own yet; those of tables are in "everything".
@pytest.mark.parametrize("name, maker", [(name, maker) for name in PROGRAMS for maker in ("official", "ours")
                                         if (name, maker) != ("artifacts", "ours")])
def test_both_syncs_of_one_log_end_in_the_same_state(
        quipu, official, server, other_server, tmp_path, run_id, name, maker):
    code = PROGRAMS[name].replace("RUN", run_id)
    if maker == "ours" and name == "media":
        code = code.replace('run.log({"html": wandb.Html("<b>hi</b>")})\n', "")
    made = (official if maker == "official" else quipu)(code, env={**OFFLINE, **QUIET}, check=name != "failure")
    ours, theirs = synced_by_both(
        quipu, official, server, other_server, run_directory(made), tmp_path, "sync", run_id)
    assert ours["history"] and ours["run"]["state"] in ("finished", "failed")
    assert_same(tidy(ours), tidy(theirs))


# Logs that the official client wrote, whole and broken. Where both clients read a log they must agree.
VECTORS = sorted(path.stem for path in LOGS.glob("*.wandb"))


@pytest.mark.parametrize("name", VECTORS)
def test_recorded_logs_end_in_the_state_of_the_official_sync(
        quipu, official, server, other_server, tmp_path, name, run_id):
    states = {}
    for client, target in ((quipu, server), (official, other_server)):
        place = tmp_path / client.library / "wandb" / f"offline-run-20260101_000000-{run_id}"
        place.mkdir(parents=True)
        shutil.copy(LOGS / f"{name}.wandb", place / f"run-{run_id}.wandb")
        # Nobody writes it any more.
        os.utime(place / f"run-{run_id}.wandb", (1e9, 1e9))
        done = client.sync("--project", "vectors", "--id", run_id, place, server=target, check=False,
                           directory=tmp_path / client.library)
        found = target.run("vectors", run_id, "id")
        states[client.library] = server_state(target, "vectors", run_id) if found else done.returncode
    ours, theirs = states["quipu"], states["wandb"]
    if isinstance(theirs, int):
        # What the official client cannot read at all we may read better, but never pretend to.
        assert isinstance(ours, dict) or ours != 0
        return
    assert isinstance(ours, dict), f"our sync ended with {ours}, the official one read the log"
    found, expected = tidy(ours), tidy(theirs)
    # Where the log has no name each server invents one.
    for state in (found, expected):
        state["run"].pop("displayName")
    if name.startswith(("corrupt", "bad_", "zero", "orphan")) and found["run"]["exitcode"] == 0:
        # Behind damage we go on reading, and find the exit record.
        for state in (found, expected):
            del state["run"]["exitcode"], state["run"]["state"]
    if len(found["history"]) > len(expected["history"]):
        # And rows.
        kept = [row for row in found["history"] if row in expected["history"]]
        assert kept == expected["history"]
        return
    assert_same(found, expected)


def test_a_second_sync_sends_nothing(server, proxy, quipu, run_id):
    made = quipu(everything(run_id), env=OFFLINE)
    between = proxy()
    quipu.sync(run_directory(made), server=between, directory=made.directory)
    check_everything(server, run_id)
    first = between.count()
    assert first > 3
    again = quipu.sync(run_directory(made), server=between, directory=made.directory)
    assert between.count() == first
    assert again.returncode == 0


def test_an_online_run_leaves_nothing_to_sync(server, proxy, quipu, run_id):
    between = proxy()
    made = quipu(everything(run_id), server=between)
    between.forget()
    quipu.sync(run_directory(made), server=between, directory=made.directory)
    assert between.count() == 0
    check_everything(server, run_id)


def test_a_dry_run_sends_nothing_and_says_what_it_would(server, proxy, quipu, run_id):
    made = quipu(everything(run_id), env=OFFLINE)
    between = proxy()
    before = {path: path.stat().st_mtime_ns for path in run_directory(made).rglob("*")}
    done = quipu.sync("--dry-run", run_directory(made), server=between, directory=made.directory)
    assert between.count() == 0 and run_id in done.stdout + done.stderr
    assert {path: path.stat().st_mtime_ns for path in run_directory(made).rglob("*")} == before
    assert server.run("online", run_id, "id") is None


def test_other_names_can_be_given(server, quipu, run_id):
    made = quipu(everything(run_id, files=False), env=OFFLINE)
    quipu.sync("--project", "elsewhere", "--entity", "crew", "--id", "other" + run_id, run_directory(made),
               directory=made.directory)
    assert_rows(server, "elsewhere", "other" + run_id, 30, entity="crew")
    assert server.run("online", run_id, "id") is None


def test_one_bad_run_does_not_stop_the_others(server, quipu, run_id, tmp_path):
    logs = []
    for n in range(3):
        made = quipu(everything(f"{run_id}{n}", files=False), env=OFFLINE)
        logs.append(copy_of(run_directory(made), tmp_path / "all"))
    log_of(logs[1]).write_bytes(b"this is not a log at all")
    done = quipu.sync("--all", directory=tmp_path / "all", check=False)
    assert done.returncode != 0 and logs[1].name in done.stdout + done.stderr
    for n in (0, 2):
        check_everything(server, f"{run_id}{n}", files=False)
    assert server.run("online", f"{run_id}1", "id") is None


def test_a_refused_run_does_not_stop_the_others(server, proxy, quipu, run_id, tmp_path):
    for n in range(2):
        copy_of(run_directory(quipu(everything(f"{run_id}{n}", files=False), env=OFFLINE)), tmp_path / "all")
    refused = lambda request: request.kind == "UpsertBucket" and f"{run_id}0" in request.body.decode()  # noqa: E731
    between = proxy(plan.Rule(refused, plan.status(403), None))
    done = quipu.sync("--all", server=between, directory=tmp_path / "all", check=False)
    assert done.returncode != 0 and "403" in done.stdout + done.stderr
    check_everything(server, f"{run_id}1", files=False)


@pytest.mark.parametrize("cut", [1, 5, 100, 4000])
def test_a_torn_log_gives_what_it_holds(server, quipu, run_id, cut):
    made = quipu(everything(run_id, rows=200, pause=0, files=False), env={**OFFLINE, **QUIET})
    log = log_of(run_directory(made))
    data = log.read_bytes()
    log.write_bytes(data[:-cut])
    quipu.sync(run_directory(made), directory=made.directory)
    found = [row["x"] for row in server.history("online", run_id)]
    assert found == list(range(len(found))) and len(found) >= 150
    assert server.run("online", run_id, "state exitcode") == {"state": "failed", "exitcode": 1}


def test_a_damaged_block_costs_only_its_rows(server, quipu, run_id):
    made = quipu(everything(run_id, rows=3000, pause=0, files=False), env={**OFFLINE, **QUIET})
    log = log_of(run_directory(made))
    data = bytearray(log.read_bytes())
    assert len(data) > 4 * 32768
    data[40000:40100] = b"\xff" * 100
    log.write_bytes(bytes(data))
    done = quipu.sync(run_directory(made), directory=made.directory, check=False)
    found = [row["x"] for row in server.history("online", run_id)]
    assert found == sorted(set(found)) and 2000 < len(found) < 3000 and found[-1] == 2999
    assert "damage" in (done.stdout + done.stderr).lower()
    assert server.run("online", run_id, "state")["state"] == "finished"


def test_two_syncs_of_one_run_at_once_double_nothing(server, proxy, quipu, run_id):
    made = quipu(everything(run_id, rows=500, pause=0), env={**OFFLINE, **QUIET})
    between = proxy(plan.Rule("*", plan.delay(0.1), None))
    processes = []
    for _ in range(2):
        place = made.directory / f"at-once{len(processes)}"
        place.mkdir()
        processes.append(quipu.start_sync(run_directory(made), server=between, directory=place))
    codes = [process.wait(60) for process in processes]
    assert 0 in codes
    check_everything(server, run_id, rows=500)


def test_a_copy_without_its_side_files_doubles_nothing(server, quipu, run_id, tmp_path):
    """As when a directory is copied to another host, or the side file is lost."""
    made = quipu(everything(run_id), env=OFFLINE)
    bare = copy_of(run_directory(made), tmp_path / "bare")
    quipu.sync(run_directory(made), directory=made.directory)
    check_everything(server, run_id)
    quipu.sync(bare, directory=tmp_path / "bare")
    check_everything(server, run_id)


def test_a_sync_into_a_server_that_stumbles(server, proxy, quipu, run_id):
    from faults import PUT, any_passing_fault

    made = quipu(everything(run_id, rows=2000, pause=0), env=OFFLINE)
    between = proxy(plan.Rule(["UpsertBucket", STREAM, "CreateRunFiles"], any_passing_fault, None, chance=0.4),
                    plan.Rule(PUT, plan.status(500), None, chance=0.3))
    quipu.sync(run_directory(made), server=between, directory=made.directory,
               env={"WANDB_X_FILE_STREAM_MAX_BYTES": "20000"})
    check_everything(server, run_id, rows=2000)


def test_without_a_key_it_fails_and_says_how_to_log_in(quipu, run_id):
    made = quipu(everything(run_id, files=False), env=OFFLINE)
    done = quipu.sync(run_directory(made), directory=made.directory, env={"WANDB_API_KEY": None}, check=False)
    assert done.returncode != 0 and "login" in done.stderr


def test_a_server_that_is_gone_fails_in_time_and_names_the_host(proxy, quipu, run_id):
    made = quipu(everything(run_id, files=False), env=OFFLINE)
    between = proxy()
    between.down()
    done = quipu.sync(run_directory(made), server=between, directory=made.directory, check=False, timeout=60,
                      env={"WANDB_X_GRAPHQL_RETRY_MAX": "3"})
    assert done.returncode != 0 and f"127.0.0.1:{between.port}" in done.stderr + done.stdout


# Another host that shares the directory

FOLLOWED = """
import os, time
import wandb
run = wandb.init(project="online", id=ID, mode="offline")
for i in range(100):
    run.log({"x": i})
    print(f"line {i}")
    time.sleep(0.05)
run.finish()
"""


def rows_of(server, run_id):
    """How many can be read; 0 of a run that is not there yet."""
    return len(server.history("online", run_id)) if server.run("online", run_id, "id") else 0


def test_follow_mirrors_a_live_run_and_ends_with_it(server, quipu, run_id, tmp_path):
    trainer = quipu.start(fill(FOLLOWED, ID=run_id), env=QUIET)
    wait_for(lambda: list((trainer.directory / "wandb").glob("offline-run-*/*.wandb")), "the log")
    [log] = [path for path in (trainer.directory / "wandb").glob("offline-run-*") if not path.is_symlink()]
    place = tmp_path / "login-node"
    place.mkdir()
    follower = quipu.start_sync("--follow", log, directory=place)
    # Rows are readable while the run goes on.
    wait_for(lambda: rows_of(server, run_id) >= 10, "first rows", 20)
    assert trainer.poll() is None and follower.poll() is None
    assert server.run("online", run_id, "state")["state"] == "running"
    trainer.wait(60)
    follower.wait(30)
    assert follower.returncode == 0, (place / "stderr").read_text()
    assert_rows(server, "online", run_id, 100)
    assert [line["line"] for line in server.console("online", run_id)] == [f"line {i}" for i in range(100)]
    assert server.run("online", run_id, "state")["state"] == "finished"


def test_a_follower_that_is_killed_and_started_again_doubles_nothing(server, quipu, run_id, tmp_path):
    trainer = quipu.start(fill(FOLLOWED, ID=run_id), env=QUIET)
    wait_for(lambda: list((trainer.directory / "wandb").glob("offline-run-*/*.wandb")), "the log")
    [log] = [path for path in (trainer.directory / "wandb").glob("offline-run-*") if not path.is_symlink()]
    place = tmp_path / "login-node"
    place.mkdir()
    for count in (5, 20, 40):
        follower = quipu.start_sync("--follow", log, directory=place)
        wait_for(lambda: rows_of(server, run_id) >= count, "rows", 20)
        kill(follower)
    quipu.sync("--follow", log, directory=place)
    trainer.wait(60)
    assert_rows(server, "online", run_id, 100)
    assert server.run("online", run_id, "state")["state"] == "finished"


def test_a_follower_ends_a_run_whose_program_was_killed(server, quipu, run_id, tmp_path):
    trainer = quipu.start(fill(FOLLOWED, ID=run_id), env=QUIET)
    wait_for(lambda: list((trainer.directory / "wandb").glob("offline-run-*/*.wandb")), "the log")
    [log] = [path for path in (trainer.directory / "wandb").glob("offline-run-*") if not path.is_symlink()]
    place = tmp_path / "login-node"
    place.mkdir()
    follower = quipu.start_sync("--follow", log, directory=place)
    wait_for(lambda: rows_of(server, run_id) >= 10, "first rows", 20)
    kill(trainer)
    follower.wait(60)
    assert follower.returncode == 0, (place / "stderr").read_text()
    rows = server.history("online", run_id)
    assert len(rows) >= 10 and [row["x"] for row in rows] == list(range(len(rows)))
    assert server.run("online", run_id, "state")["state"] in ("crashed", "failed")
