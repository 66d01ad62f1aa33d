"""A run's life as the server sees it: heartbeats, stops, alerts, preemption, how it ends."""

import json
import os
import signal

import pytest
from conftest import kill, wait_for
from faults import STREAM, plan
from programs import everything, fill
from state import assert_rows

IDLE = """
import time
import wandb
run = wandb.init(project="online", id=ID, settings=wandb.Settings(x_disable_stats=True))
run.log({"x": 0})
time.sleep(4)
run.finish()
"""


def test_an_idle_run_says_that_it_lives(proxy, quipu, run_id):
    between = proxy()
    quipu(fill(IDLE, ID=run_id), server=between, env={"WANDB_HEARTBEAT_SECONDS": "1"})
    beats = [request for request in between.of(STREAM) if request.json == {}]
    assert 2 <= len(beats) <= 5, [request.json for request in between.of(STREAM)]


STOPPED = """
import json, time
import wandb
run = wandb.init(project="online", id=ID)
stopped, i = None, 0
try:
    for i in range(1000):
        run.log({"x": i})
        time.sleep(0.02)
except KeyboardInterrupt:
    stopped = i
    run.finish(exit_code=255)
print(json.dumps({"stopped": stopped}))
"""


def test_a_stop_asked_for_on_the_server_reaches_the_program(server, proxy, quipu, run_id):
    process = quipu.start(fill(STOPPED, ID=run_id), server=proxy())
    wait_for(lambda: server.run("online", run_id, "historyLineCount") or None, "the run is there")
    server.api().run(f"local/online/{run_id}").stop()
    process.wait(40)
    stopped = json.loads((process.directory / "stdout").read_text().splitlines()[-1])["stopped"]
    assert stopped is not None and stopped < 999
    assert_rows(server, "online", run_id, stopped + 1)
    node = server.run("online", run_id, "state exitcode")
    assert node["exitcode"] == 255 and node["state"] != "running"


def test_alerts_arrive_once_each_also_when_answers_get_lost(proxy, quipu, run_id):
    between = proxy(plan.Rule("NotifyScriptableRunAlert", plan.status(503)))
    quipu(f"""
import wandb
run = wandb.init(project="online", id="{run_id}")
run.alert(title="Low accuracy", text="0.1 is under 0.2", level=wandb.AlertLevel.WARN, wait_duration=300)
run.alert(title="Default level", text="info, default wait")
run.finish()
""", server=between)
    seen = [request.json["variables"] for request in between.of("NotifyScriptableRunAlert") if request.processed == 200]
    assert sorted((alert["title"], alert["text"], alert["severity"], alert["waitDuration"]) for alert in seen) == [
        ("Default level", "info, default wait", "INFO", 60000), ("Low accuracy", "0.1 is under 0.2", "WARN", 300000)]
    assert all(alert["runName"] == run_id for alert in seen)


def test_preempting_goes_out_at_once(server, proxy, quipu, run_id):
    between = proxy()
    process = quipu.start(f"""
import time
import wandb
run = wandb.init(project="online", id="{run_id}")
run.log({{"x": 0}})
time.sleep(1)
run.mark_preempting()
time.sleep(3)
run.finish()
""", server=between)
    wait_for(lambda: [body for body in between.streams() if body.get("preempting")], "the announcement", 20)
    assert process.poll() is None
    process.wait(30)
    assert process.returncode == 0
    assert len([body for body in between.streams() if body.get("preempting")]) == 1
    assert server.run("online", run_id, "state")["state"] == "finished"


ENDINGS = {
    "return": ("", "finished", 0),
    "finish with a code": ("run.finish(exit_code=3)", "failed", 3),
    "sys.exit": ("import sys; sys.exit(4)", "failed", 4),
    "exception": ("raise RuntimeError('boom')", "failed", 1),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_end_of_a_program_is_the_end_of_its_run(server, proxy, quipu, run_id, ending):
    text, state, code = ENDINGS[ending]
    outcome = quipu(f"""
import wandb
run = wandb.init(project="online", id="{run_id}")
for i in range(20):
    run.log({{"x": i}})
{text}
""", server=proxy(), check=False)
    assert outcome.returncode == (0 if ending in ("return", "finish with a code") else code)
    assert_rows(server, "online", run_id, 20)
    node = server.run("online", run_id, "state exitcode")
    assert (node["state"], node["exitcode"]) == (state, code)


def test_an_exception_that_leaves_a_with_block_fails_the_run(server, quipu, run_id):
    quipu(f"""
import wandb
try:
    with wandb.init(project="online", id="{run_id}") as run:
        run.log({{"x": 0}})
        raise ValueError("inside")
except ValueError:
    pass
""")
    node = server.run("online", run_id, "state exitcode")
    assert (node["state"], node["exitcode"]) == ("failed", 1)


def test_a_killed_run_is_crashed_until_a_sync_brings_the_rest(start_server, quipu, run_id):
    server = start_server("--crash-after", 2)
    process = quipu.start(everything(run_id, rows=2000, pause=0.005, files=False), server=server)
    wait_for(lambda: (server.run("online", run_id, "historyLineCount") or {}).get("historyLineCount", 0) > 20, "rows")
    kill(process)
    wait_for(lambda: server.run("online", run_id, "state")["state"] == "crashed", "the crash is seen")
    [log] = [path for path in (process.directory / "wandb").glob("run-*") if not path.is_symlink()]
    quipu.sync(log, server=server, directory=process.directory)
    found = [row["x"] for row in server.history("online", run_id)]
    assert found == list(range(len(found))) and len(found) > 20
    assert server.run("online", run_id, "state exitcode") == {"state": "failed", "exitcode": 1}


def test_control_c_ends_the_run_with_255(server, proxy, quipu, run_id):
    between = proxy()
    process = quipu.start(everything(run_id, rows=5000, pause=0.005, files=False), server=between)
    wait_for(lambda: between.count(STREAM) >= 2, "rows arrive")
    os.kill(process.pid, signal.SIGINT)
    process.wait(30)
    wait_for(lambda: server.run("online", run_id, "state")["state"] == "failed", "the end", 10)
    assert server.run("online", run_id, "exitcode")["exitcode"] == 255
    found = [row["x"] for row in server.history("online", run_id)]
    assert found == list(range(len(found)))


def test_a_row_is_readable_soon_after_the_call(server, quipu, run_id):
    process = quipu.start(f"""
import time
import wandb
run = wandb.init(project="online", id="{run_id}")
for i in range(10):
    run.log({{"x": i}})
time.sleep(20)
""", fast=False)
    wait_for(lambda: server.run("online", run_id, "id") and len(server.history("online", run_id)) == 10,
             "rows of a run that goes on", 10)
    assert process.poll() is None
    kill(process)


def test_a_forked_child_is_inert_and_the_parent_goes_on(server, proxy, quipu, run_id):
    between = proxy()
    outcome = quipu(f"""
import os, time
import wandb
run = wandb.init(project="online", id="{run_id}")
for i in range(100):
    run.log({{"x": i}})
    time.sleep(0.01)
    if i % 20 == 10:
        child = os.fork()
        if child == 0:
            for j in range(50):
                run.log({{"x": -1}})
            os._exit(0)
        os.waitpid(child, 0)
run.finish()
""", server=between)
    assert outcome.returncode == 0
    assert_rows(server, "online", run_id, 100)
    assert server.run("online", run_id, "state")["state"] == "finished"


def test_two_runs_of_one_process_share_nothing(server, proxy, quipu, run_id):
    quipu(f"""
import wandb
runs = [wandb.init(project="online", id="{run_id}" + str(n), reinit="create_new") for n in range(2)]
for i in range(50):
    for n, run in enumerate(runs):
        run.log({{"x": i, "of": n}})
for run in runs:
    run.finish()
""", server=proxy())
    for n in range(2):
        assert_rows(server, "online", run_id + str(n), 50)
        assert {row["of"] for row in server.history("online", run_id + str(n))} == {n}
