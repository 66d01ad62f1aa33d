"""How runs end, are found dead, go on, branch off, are stopped, and call for help."""

import http.server
import json
import os
import signal
import threading

from conftest import wait_for

# So that tests need not wait 15 s for each request; the client drops fractions of a second.
FAST = "settings=wandb.Settings(x_file_stream_transmit_interval=1, x_disable_stats=True)"


def state(server, run, project="life"):
    return server.run(project, run, "state exitcode")


def test_ends_of_every_kind(server, run_client):
    boom = run_client.start(f"""
import wandb
run = wandb.init(project="life", id="exception", {FAST})
run.log({{"x": 1}})
raise RuntimeError("boom")
""")
    coded = run_client.start(f"""
import sys, wandb
run = wandb.init(project="life", id="exit3", {FAST})
run.log({{"x": 1}})
sys.exit(3)
""")
    for process in (boom, coded):
        process.wait(60)
    run_client(f"""
import wandb
run = wandb.init(project="life", id="finish7", {FAST})
run.log({{"x": 1}})
run.finish(exit_code=7)
run = wandb.init(project="life", id="good", {FAST})
run.mark_preempting()
run.log({{"x": 1}})
run.finish()
""")
    assert boom.returncode == 1 and coded.returncode == 3
    assert state(server, "exception") == {"state": "failed", "exitcode": 1}
    assert state(server, "exit3") == {"state": "failed", "exitcode": 3}
    assert state(server, "finish7") == {"state": "failed", "exitcode": 7}
    assert state(server, "good") == {"state": "finished", "exitcode": 0}
    for run in ("exception", "exit3", "finish7", "good"):
        assert [row["x"] for row in server.history("life", run)] == [1]


def test_killed_runs_crash_and_a_sync_brings_their_rows_exactly_once(start_server, run_client):
    server = start_server("--crash-after", 2)
    script = """
import time
import wandb
run = wandb.init(project="life", id="killed", settings=wandb.Settings(
    x_file_stream_transmit_interval=1, x_disable_stats=True))
# The client writes its log in blocks of 32 KiB: less than one would leave nothing to sync.
for i in range(3000):
    run.log({"x": i, "text": f"row {i} " * 5})
time.sleep(1)
print("ready", flush=True)
time.sleep(1)
PREEMPT
time.sleep(600)
"""
    killed = run_client.start(script.replace("PREEMPT", ""), server=server)
    preempted = run_client.start(script.replace("PREEMPT", "run.mark_preempting()").replace('"killed"', '"preempted"'),
                                 server=server)
    for process in (killed, preempted):
        wait_for(lambda: "ready" in (process.directory / "stdout").read_text(), "the client's rows")
    wait_for(lambda: server.run("life", "killed", "historyLineCount")["historyLineCount"] >= 1000, "rows at the server")
    wait_for(lambda: server.run("life", "preempted", "state")["state"] in ("preempting", "preempted"), "preempting")
    for process in (killed, preempted):
        # The client's helper lives in the same session; a power cut takes both.
        for pid in session_of(process.pid):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: server.run("life", "killed", "state")["state"] == "crashed", "crashed")
    wait_for(lambda: server.run("life", "preempted", "state")["state"] == "preempted", "preempted")
    # The filter sees what the field says.
    found = server.api().runs("local/life", filters={"state": "crashed"}, order="+created_at")
    assert [run.id for run in found] == ["killed"]
    delivered = [row["x"] for row in server.history("life", "killed")]
    assert delivered == list(range(len(delivered)))
    log = next((killed.directory / "wandb").glob("run-*"))
    run_client.cli("sync", "--include-online", log, server=server, directory=killed.directory)
    rows = server.history("life", "killed")
    steps = [row["_step"] for row in rows]
    assert steps == list(range(len(rows))) and [row["x"] for row in rows] == steps and len(rows) >= len(delivered)
    # The log has no exit record: the client says 1.
    assert state(server, "killed") == {"state": "failed", "exitcode": 1}


def session_of(pid):
    """The processes that a client started: of its session, or children of its children."""
    members = set()
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(entry)] = int(fields[1])
        if int(fields[3]) == pid:
            members.add(int(entry))
    grown = True
    while grown:
        more = {child for child, parent in parents.items() if parent in members | {pid}} - members
        members |= more
        grown = bool(more)
    return members | {pid}


def test_resume_in_all_four_ways(server, run_client):
    outcome = run_client(f"""
import json, os
import wandb
said = []
def go(**options):
    run = wandb.init(project="life", {FAST}, **options)
    said.append([run.resumed, run.starting_step, dict(run.config), list(run.tags or []), run.summary.get("x")])
    return run
run = go(id="resumed", resume="allow", config={{"a": 1, "b": {{"c": 2}}}}, tags=["first"], notes="kept")
for i in range(5):
    run.log({{"x": i, "y": i * i}})
print("first life")
run.finish()
run = go(id="resumed", resume="allow", config={{"a": 10, "new": 3}})
for i in range(3):
    run.log({{"x": 100 + i}})
print("second life")
run.finish()
run = go(id="resumed", resume="must")
run.log({{"x": 200}})
run.finish()
for name, mode in [("doesnotexist", "must"), ("resumed", "never")]:
    try:
        wandb.init(project="life", id=name, resume=mode)
        said.append("started")
    except Exception as error:
        said.append(type(error).__name__)
run = go(id="fresh", resume="never")
run.log({{"x": 1}})
run.finish()
run = go(resume="auto")
auto = run.id
run.log({{"x": 1}})
print(json.dumps([said, auto]), flush=True)
os._exit(5)
""", check=False)
    assert outcome.returncode == 5, outcome.stderr[-3000:]
    said, auto = outcome.json
    assert said[0] == [False, 0, {"a": 1, "b": {"c": 2}}, ["first"], None]
    assert said[1] == [True, 5, {"a": 10, "b": {"c": 2}, "new": 3}, ["first"], 4]
    assert said[2] == [True, 8, {"a": 10, "b": {"c": 2}, "new": 3}, ["first"], 102]
    assert said[3:5] == ["UsageError", "UsageError"]
    assert said[5][:2] == [False, 0] and said[6][:2] == [False, 0]
    rows = server.history("life", "resumed")
    assert [row["_step"] for row in rows] == list(range(9))
    assert [row["x"] for row in rows] == [0, 1, 2, 3, 4, 100, 101, 102, 200]
    runtimes = [row["_runtime"] for row in rows]
    assert runtimes == sorted(runtimes), "the clock of a run goes on over its lives"
    run = server.api().run("local/life/resumed")
    assert run.notes == "kept" and run.summary["x"] == 200 and run.summary["y"] == 16 and run.state == "finished"
    console = [line["line"] for line in server.console("life", "resumed")]
    assert "first life" in console and "second life" in console
    # The next program in that directory finds the run that did not end.
    again = run_client(f"""
import json
import wandb
run = wandb.init(project="life", resume="auto", {FAST})
print(json.dumps([run.id, run.resumed, run.starting_step]), flush=True)
run.log({{"x": 2}})
run.finish()
""", directory=outcome.directory)
    name, resumed, step = json.loads([line for line in again.stdout.splitlines() if line.startswith("[")][-1])
    # What the killed program logged in its last moments may never have been sent.
    assert name == auto and resumed is True and step in (0, 1)


def test_a_resumed_life_that_only_sets_its_summary_keeps_it(server, run_client):
    """Its summaries have the old `_timestamp` and no `_step` (protocol reference, 9.3)."""
    run_client(f"""
import wandb
run = wandb.init(project="life", id="tested", {FAST})
for i in range(3):
    run.log({{"x": i}})
run.finish()
run = wandb.init(project="life", id="tested", resume="must", {FAST})
run.summary["test/acc"] = 0.9
run.finish()
""")
    summary = json.loads(server.run("life", "tested", "summaryMetrics")["summaryMetrics"])
    assert summary["test/acc"] == 0.9 and summary["x"] == 2


def test_an_announced_preemption_outlives_signs_of_life(server):
    """Until rows come again (protocol reference, 8.3)."""
    server.upsert("life", "announced")
    for body in ({"preempting": True}, {}, {"uploaded": ["config.yaml"]}):
        server.stream("local", "life", "announced", body)
        assert state(server, "announced")["state"] == "preempting"
    server.stream("local", "life", "announced", {"files": {"wandb-history.jsonl": {"offset": 0, "content": [
        '{"_step": 0, "x": 1}']}}})
    assert state(server, "announced")["state"] == "running"


def test_fork_and_rewind(server, run_client):
    outcome = run_client(f"""
import json
import wandb
run = wandb.init(project="life", id="base", config={{"a": 1}}, {FAST})
for i in range(10):
    run.log({{"x": i}})
print("before")
run.finish()
run = wandb.init(project="life", fork_from="base?_step=4", id="fork", config={{"b": 2}}, {FAST})
steps = [run.starting_step]
run.log({{"x": 50}})
run.finish()
run = wandb.init(project="life", resume_from="base?_step=6", {FAST})
steps.append(run.starting_step)
run.log({{"x": 70}})
run.log({{"x": 80}})
print("after")
run.finish()
print(json.dumps(steps))
""")
    fork = server.history("life", "fork")
    assert [(row["_step"], row["x"]) for row in fork] == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 50)]
    base = server.history("life", "base")
    assert [(row["_step"], row["x"]) for row in base] == [*[(i, i) for i in range(7)], (7, 70), (8, 80)]
    api = server.api()
    for name, last in (("fork", 50), ("base", 80)):
        run = api.run(f"local/life/{name}")
        assert run.summary["x"] == last and run.state == "finished"
        assert [row["x"] for row in run.scan_history(keys=["x"])][-1] == last
    point = json.loads(api.run("local/life/fork").json_config)["_wandb"]["value"]["branch_point"]
    assert point["run_id"] == "base" and point["step"] == 4
    console = [line["line"] for line in server.console("life", "base")]
    assert "after" in console and "before" not in console, "console lines are numbered from 0 again"
    # Rewinding again, the fork stays as it is.
    run_client(f"""
import wandb
run = wandb.init(project="life", resume_from="base?_step=2", {FAST})
run.log({{"x": 30}})
run.finish()
""")
    assert [row["x"] for row in server.history("life", "base")] == [0, 1, 2, 30]
    assert [row["x"] for row in server.history("life", "fork")] == [0, 1, 2, 3, 4, 50]
    assert outcome.json == [5, 7]


def test_stop_reaches_the_run(server, run_client):
    process = run_client.start("""
import time
import wandb
run = wandb.init(project="life", id="stopped", settings=wandb.Settings(
    x_file_stream_transmit_interval=1, x_disable_stats=True))
for i in range(6000):
    run.log({"x": i})
    time.sleep(0.1)
""")
    wait_for(lambda: (server.run("life", "stopped", "historyLineCount") or {"historyLineCount": 0})
             ["historyLineCount"] > 0, "rows of the run")
    server.api().run("local/life/stopped").stop()
    # The client's Python side asks every 15 s.
    process.wait(60)
    assert process.returncode != 0
    assert state(server, "stopped") == {"state": "killed", "exitcode": 255}
    rows = server.history("life", "stopped")
    assert [row["x"] for row in rows] == list(range(len(rows)))


def test_alerts_are_kept_listed_and_posted(start_server, run_client):
    posted = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            # The first time it is out of order: an alert is posted again then.
            self.send_response(500 if len(posted) == 1 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=hook.serve_forever)
    thread.start()
    try:
        server = start_server("--webhook", f"http://127.0.0.1:{hook.server_port}/hook")
        run_client(f"""
import wandb
run = wandb.init(project="life", id="alerting", name="the run", {FAST})
run.alert(title="Low accuracy", text="accuracy 0.1 is under 0.2 \\u00fc",
          level=wandb.AlertLevel.WARN, wait_duration=300)
run.alert(title="Default level", text="info")
run.finish()
run = wandb.init(project="life", id="alerting", resume="must", {FAST})
run.alert(title="Low accuracy", text="again, too soon", level=wandb.AlertLevel.WARN, wait_duration=300)
run.finish()
""", server=server)
        alerts = server.run("life", "alerting", "alerts { id title text severity createdAt }")["alerts"]
        assert sorted((alert["title"], alert["text"], alert["severity"]) for alert in alerts) == [
            ("Default level", "info", "INFO"), ("Low accuracy", "accuracy 0.1 is under 0.2 \u00fc", "WARN")]
        wait_for(lambda: len(posted) >= 3, "two alerts, one of them twice")
        assert sorted({(post["title"], post["body"], post["severity"], post["run"]) for post in posted}) == [
            ("Default level", "info", "INFO", "alerting"),
            ("Low accuracy", "accuracy 0.1 is under 0.2 \u00fc", "WARN", "alerting")]
        assert all("the run" in post["text"] for post in posted)
    finally:
        hook.shutdown()
        thread.join()
        hook.server_close()


def test_two_writers_share_a_run(server, run_client):
    script = """
import os, sys, time
import wandb
primary = {primary}
run = wandb.init(project="life", id="shared", settings=wandb.Settings(
    mode="shared", x_primary=primary, x_label="rank-{label}", x_update_finish_state=primary,
    x_file_stream_transmit_interval=1))
for i in range(30):
    run.log({{"m{label}": i, "both": i}})
    time.sleep(0.02)
print("hello from {label}")
{wait}
run.finish()
"""
    second = run_client.start(script.format(primary=False, label=1, wait=""))
    run_client(script.format(primary=True, label=0, wait="time.sleep(3)"))
    second.wait(60)
    assert second.returncode == 0, (second.directory / "stderr").read_text()
    rows = server.history("life", "shared")
    for label in (0, 1):
        assert [row[f"m{label}"] for row in rows if f"m{label}" in row] == list(range(30)), label
    assert state(server, "shared") == {"state": "finished", "exitcode": 0}
    lines = {(line["label"], line["line"]) for line in server.console("life", "shared")}
    assert ("rank-0", "hello from 0") in lines and ("rank-1", "hello from 1") in lines
    system = server.run("life", "shared", "events(samples: 1000)")["events"]
    keys = {key for line in system for key in json.loads(line)}
    assert {key.rsplit("/l:")[1] for key in keys if "/l:" in key} == {"rank-0", "rank-1"}, sorted(keys)


def test_heartbeats_keep_a_silent_run_alive(start_server):
    server = start_server("--crash-after", 2)
    server.upsert("life", "quiet")
    server.upsert("life", "silent")
    wait_for(lambda: state(server, "silent")["state"] == "crashed"
             or not server.stream("local", "life", "quiet", {}), "crashed")
    assert state(server, "quiet")["state"] == "running"
    # One sign of life and it runs again.
    server.stream("local", "life", "silent", {})
    assert state(server, "silent")["state"] == "running"
    # The server's own absence counts against nobody: both are alive just after a restart.
    server.restart(sigkill=True)
    assert state(server, "quiet")["state"] == "running"


def test_a_killed_server_has_everything_it_acknowledged(start_server, run_client):
    server = start_server()
    process = run_client.start("""
import time
import wandb
run = wandb.init(project="life", id="outage", settings=wandb.Settings(
    x_file_stream_transmit_interval=1, x_disable_stats=True))
for i in range(100):
    run.log({"x": i})
    time.sleep(0.05)
run.finish()
""", server=server)
    seen = wait_for(lambda: (server.run("life", "outage", "historyLineCount") or {"historyLineCount": 0})
                    ["historyLineCount"], "rows of the run")
    server.restart(sigkill=True)
    assert server.run("life", "outage", "historyLineCount")["historyLineCount"] >= seen
    process.wait(120)
    assert process.returncode == 0, (process.directory / "stderr").read_text()[-3000:]
    assert [row["x"] for row in server.history("life", "outage")] == list(range(100))
    assert state(server, "outage") == {"state": "finished", "exitcode": 0}
    assert server.restart() is None
    assert [row["x"] for row in server.history("life", "outage")] == list(range(100))
