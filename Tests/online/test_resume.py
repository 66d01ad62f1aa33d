"""Resume, rewind and fork, online and offline-then-sync, beside the official client doing the same against a server of
its own: the two servers end in the same state, and the programs see the same."""

import pytest
from conftest import QUIET
from programs import fill
from server_fixtures import Server, _ended
from state import assert_same, comparable, server_state


@pytest.fixture(scope="session")
def other_server(program, tmp_path_factory):
    second = Server(tmp_path_factory.mktemp("other") / "data")
    yield second
    _ended(second)


FIRST = """
import json
import wandb
run = wandb.init(project="resume", id=ID, name="first name", tags=["first"], notes="kept",
                 config={"a": 1, "b": {"c": 2}}, **MORE)
run.define_metric("y", summary="max")
for i in range(5):
    run.log({"x": i, "y": i * i})
print("first life")
run.summary["own"] = "kept"
run.finish()
print(json.dumps({}))
"""

SECOND = """
import json
import wandb
try:
    run = wandb.init(project="resume", id=ID, config={"a": 10, "new": 3}, **MORE)
except BaseException as problem:
    print(json.dumps({"error": True}))
    raise SystemExit(0)
seen = {"step": run.step, "resumed": bool(run.resumed), "config": dict(run.config), "tags": list(run.tags or []),
        "own": run.summary.get("own"), "x": run.summary.get("x"), "notes": run.notes, "name": run.name}
for i in range(3):
    run.log({"x": 100 + i})
print("second life")
run.finish()
print(json.dumps(seen))
"""


def both(quipu, official, server, other_server, script, **options):
    """What the program printed with either client, ours first."""
    printed = []
    for client, target in ((quipu, server), (official, other_server)):
        outcome = client(script, server=target, env={**QUIET, **options.get("env", {})})
        printed.append(outcome.json)
    return printed


def same_states(server, other_server, run_id, project="resume", ignore=()):
    found = [comparable(server_state(target, project, run_id)) for target in (server, other_server)]
    for state in found:
        # The text of a console that W&B's client prints into itself.
        state["console"] = [line for line in state["console"] if "wandb:" not in line["line"]]
        state["files"] = {name: about for name, about in state["files"].items() if name != "output.log"}
        for name in ignore:
            state.pop(name)
    assert_same(*found)
    return found[0]


@pytest.mark.parametrize("how", ["allow", "must", "never"])
@pytest.mark.parametrize("exists", [True, False], ids=["existing", "new"])
def test_resume_online(quipu, official, server, other_server, run_id, how, exists):
    if exists:
        both(quipu, official, server, other_server, fill(FIRST, ID=run_id, MORE={}))
    ours, theirs = both(quipu, official, server, other_server, fill(SECOND, ID=run_id, MORE={"resume": how}))
    if not exists:
        # An invented name differs.
        ours.pop("name", None), theirs.pop("name", None)
    # The official client says 0 until something is logged.
    assert ours.get("step") == (5 if exists and "step" in theirs and how != "never" else theirs.get("step"))
    ours.pop("step", None), theirs.pop("step", None)
    assert ours == theirs, (ours, theirs)
    if not exists and how == "must":
        assert server.run("resume", run_id, "id") is None
        return
    if not exists:
        assert len(server.history("resume", run_id)) == 3
        return
    state = same_states(server, other_server, run_id)
    more = [] if how == "never" else [100, 101, 102]
    assert [row["x"] for row in state["history"]] == [0, 1, 2, 3, 4, *more]


def test_the_same_id_again_without_resume(quipu, official, server, other_server, run_id):
    both(quipu, official, server, other_server, fill(FIRST, ID=run_id, MORE={}))
    both(quipu, official, server, other_server, fill(SECOND, ID=run_id, MORE={}))
    same_states(server, other_server, run_id)


def test_resume_many_times(quipu, server, run_id):
    for life in range(5):
        quipu(fill(SECOND, ID=run_id, MORE={"resume": "allow"}), server=server, env=QUIET)
    found = server.history("resume", run_id)
    assert [row["_step"] for row in found] == list(range(15))
    assert [row["x"] for row in found] == [100, 101, 102] * 5
    lines = [line["line"] for line in server.console("resume", run_id)]
    assert lines.count("second life") == 5
    runtimes = [row["_runtime"] for row in found]
    assert runtimes == sorted(runtimes)


def test_rewind_online(quipu, official, server, other_server, run_id):
    both(quipu, official, server, other_server, fill(FIRST, ID=run_id, MORE={}))
    script = fill(SECOND, ID=run_id, MORE={"resume_from": f"{run_id}?_step=2"}).replace(f"id={run_id!r}, ", "")
    ours, theirs = both(quipu, official, server, other_server, script)
    assert ours["step"] in (3, theirs["step"])  # the official client says 0 here
    state = same_states(server, other_server, run_id)
    assert [(row["_step"], row["x"]) for row in state["history"]] == [
        (0, 0), (1, 1), (2, 2), (3, 100), (4, 101), (5, 102)]


def test_fork_online(quipu, official, server, other_server, run_id):
    both(quipu, official, server, other_server, fill(FIRST, ID=run_id, MORE={}))
    script = fill(SECOND, ID=run_id + "fork", MORE={"fork_from": f"{run_id}?_step=1", "name": "forked"})
    ours, theirs = both(quipu, official, server, other_server, script)
    assert ours["step"] in (2, theirs["step"])
    state = same_states(server, other_server, run_id + "fork")
    assert [(row["_step"], row["x"]) for row in state["history"]] == [(0, 0), (1, 1), (2, 100), (3, 101), (4, 102)]
    assert [row["x"] for row in server.history("resume", run_id)] == list(range(5))


OFFLINE = {"WANDB_MODE": "offline", **QUIET}


@pytest.mark.parametrize("way", ["resume", "rewind", "fork"])
def test_what_was_resumed_rewound_or_forked_offline_syncs_to_the_state_of_the_same_online(
        quipu, official, server, other_server, run_id, way):
    more = {"resume": {"resume": "allow"}, "rewind": {"resume_from": f"{run_id}?_step=2"},
            "fork": {"fork_from": f"{run_id}?_step=1", "name": "forked"}}[way]
    second_id = run_id + "fork" if way == "fork" else run_id
    second = fill(SECOND, ID=second_id, MORE=more)
    if way == "rewind":
        second = second.replace(f"id={run_id!r}, ", "")
    both_lives = [fill(FIRST, ID=run_id, MORE={}), second]
    for script in both_lives:
        official(script, server=other_server, env=QUIET)
    # Ours: both lives on disk, in one wandb directory, synced afterwards in their order.
    first = quipu(both_lives[0], env=OFFLINE)
    quipu(both_lives[1], env=OFFLINE, directory=first.directory)
    logs = sorted(first.run_directories(), key=lambda path: path.stat().st_ctime_ns)
    assert len(logs) == 2
    quipu.sync(*logs, server=server, directory=first.directory)
    state = same_states(server, other_server, second_id)
    steps = [row["_step"] for row in state["history"]]
    assert steps == list(range(len(steps))) and len(steps) == {"resume": 8, "rewind": 6, "fork": 5}[way]


@pytest.mark.parametrize("order", ["online first", "offline first"])
def test_an_offline_life_of_an_online_run_goes_behind_what_is_there(quipu, server, run_id, order):
    """Steps of an offline life that did not know the earlier rows are renumbered when it is sent."""
    offline = quipu(fill(SECOND, ID=run_id, MORE={"resume": "allow"}), env=OFFLINE)
    [log] = offline.run_directories()
    if order == "online first":
        quipu(fill(FIRST, ID=run_id, MORE={}), server=server, env=QUIET)
        quipu.sync(log, server=server, directory=offline.directory)
        expected = [0, 1, 2, 3, 4, 100, 101, 102]
    else:
        quipu.sync(log, server=server, directory=offline.directory)
        quipu(fill(SECOND, ID=run_id, MORE={"resume": "allow"}), server=server, env=QUIET)
        expected = [100, 101, 102] * 2
    found = server.history("resume", run_id)
    assert [row["x"] for row in found] == expected
    assert [row["_step"] for row in found] == list(range(len(expected)))


def test_a_run_that_was_killed_goes_on_where_it_was(quipu, server, run_id):
    """The rows that a killed process had logged but not sent come with the next sync, in their places."""
    killed = quipu(fill("""
import os, signal
import wandb
run = wandb.init(project="resume", id=ID, resume="allow")
for i in range(50):
    run.log({"x": i})
os.kill(os.getpid(), signal.SIGKILL)
""", ID=run_id), server=server, env=QUIET, check=False)
    logs = killed.run_directories()
    quipu.sync(*logs, server=server, directory=killed.directory)
    assert [row["x"] for row in server.history("resume", run_id)] == list(range(50))
    quipu(fill(SECOND, ID=run_id, MORE={"resume": "must"}), server=server, env=QUIET)
    found = server.history("resume", run_id)
    assert [row["x"] for row in found] == [*range(50), 100, 101, 102]
    assert [row["_step"] for row in found] == list(range(53))
