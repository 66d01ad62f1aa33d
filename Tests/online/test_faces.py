"""What a person sees of an online run: pages, progress, stopping, logging in at a terminal."""

import os
import pty
import re
import select
import subprocess
import time

import pytest
from conftest import COMMAND, QUIET, client_environment, log_of, quipu_environment, run_directory, wait_for
from faults import STREAM, plan
from state import assert_rows

pytestmark = pytest.mark.usefixtures("built")
TALK = {**QUIET, "WANDB_SILENT": None}


def program(text, **values):
    for name, value in values.items():
        text = re.sub(rf"\b{name}\b", lambda _: repr(value), text)
    return "import json, time\nimport wandb\n" + text


ROWS = """
run = wandb.init(project="online", id=ID, settings=MORE)
for i in range(20):
    run.log({"x": i})
run.finish()
"""


def test_the_page_is_printed_once_and_the_end_says_what_was_sent(server, quipu, run_id):
    done = quipu(program(ROWS, ID=run_id, MORE={}), server=server, env=TALK)
    page = f"/local/online/runs/{run_id}"
    assert done.stderr.count("View run at") == 1 and f"View run at {server.url}{page}" in done.stderr
    assert "Syncing run" in done.stderr and "Sent 20 rows" in done.stderr
    assert done.stderr.index("Syncing run") < done.stderr.index("Sent 20 rows")


@pytest.mark.parametrize("how", ["WANDB_SILENT", "WANDB_QUIET"])
def test_silent_prints_nothing_and_quiet_only_the_page(server, quipu, run_id, how):
    done = quipu(program(ROWS, ID=run_id, MORE={}), server=server, env={**TALK, how: "true"})
    said = [line for line in done.stderr.splitlines() if line.startswith("quipu:")]
    assert not said if how == "WANDB_SILENT" else any("View run at" in line for line in said) and len(said) < 4, said
    assert_rows(server, "online", run_id, 20)


def test_what_the_server_names_is_waited_for_when_it_is_read(server, proxy, quipu, run_id):
    between = proxy(plan.Rule("UpsertBucket", plan.delay(1), 1))
    done = quipu(program("""
began = time.monotonic()
run = wandb.init(project="online", id=ID)
started = time.monotonic() - began
print(json.dumps({"started": started, "name": run.name, "entity": run.entity, "path": run.path, "url": run.url,
                  "project_url": run.get_project_url(), "offline": run.offline, "resumed": run.resumed}))
run.finish()
""", ID=run_id), server=between)
    found = done.json
    assert found["started"] < 0.9
    assert found["entity"] == "local" and found["path"] == f"local/online/{run_id}" and found["name"]
    assert found["url"].endswith(f"/local/online/runs/{run_id}") and found["project_url"].endswith("/local/online")
    assert found["offline"] is False and found["resumed"] is False


def test_properties_do_not_wait_for_a_server_that_is_gone(proxy, quipu, run_id):
    between = proxy()
    between.down()
    done = quipu(program("""
run = wandb.init(project="online", id=ID, settings=wandb.Settings(finish_timeout=0.5))
began = time.monotonic()
found = [run.url, run.name, run.entity, run.url]
print(json.dumps({"found": found, "seconds": time.monotonic() - began}))
run.finish()
""", ID=run_id), server=between)
    assert done.json["found"] == [None, None, "", None] and done.json["seconds"] < 9


@pytest.mark.parametrize("raises", [False, True])
def test_a_finish_whose_time_is_over_says_what_is_left(server, proxy, quipu, run_id, raises):
    between = proxy(plan.Rule(STREAM, plan.status(503), None))
    done = quipu(program("""
run = wandb.init(project="online", id=ID, settings=wandb.Settings(finish_timeout=1, finish_timeout_raises=RAISES))
for i in range(20):
    run.log({"x": i})
try:
    run.finish()
    found = ""
except TimeoutError as problem:
    found = str(problem)
print(json.dumps({"found": found}))
""", ID=run_id, RAISES=raises), server=between, env=TALK)
    said = done.json["found"] if raises else done.stderr
    assert "20 rows" in said and "quipu sync" in said and str(run_directory(done)) in said
    quipu.sync(run_directory(done), server=server, directory=done.directory)
    assert_rows(server, "online", run_id, 20)


def test_a_function_may_take_the_place_of_the_interrupt(server, quipu, run_id):
    process = quipu.start(program("""
asked = []
run = wandb.init(project="online", id=ID, settings=wandb.Settings(stop_fn=lambda: asked.append(True)))
for i in range(2000):
    run.log({"x": i})
    time.sleep(0.01)
    if run.stop_requested and asked:
        break
run.finish()
print(json.dumps({"asked": asked, "stopped": i}))
""", ID=run_id), server=server)
    wait_for(lambda: server.run("online", run_id, "historyLineCount") or None, "the run is there")
    server.api().run(f"local/online/{run_id}").stop()
    process.wait(60)
    assert process.returncode == 0
    assert (process.directory / "stdout").read_text().splitlines()[-1].startswith('{"asked": [true], "stopped": ')
    assert server.run("online", run_id, "state")["state"] == "finished"


def test_two_logs_of_one_offline_run_go_on_from_each_other(server, quipu, run_id):
    done = quipu(program("""
for part in range(3):
    run = wandb.init(project="online", id=ID, mode="offline", resume="allow", config={"part": part, f"c{part}": 1})
    assert run.resumed == (part > 0) and run.starting_step == 4 * part, (run.resumed, run.starting_step)
    for i in range(4):
        run.log({"x": 4 * part + i})
    run.finish()
    time.sleep(1.1)  # a directory of its own second
print(json.dumps({"summary": 1}))
""", ID=run_id), server=server)
    directories = sorted(done.run_directories())
    assert len(directories) == 3
    for directory in directories:
        quipu.sync(log_of(directory), server=server, directory=done.directory)
    assert_rows(server, "online", run_id, 12)


def read_until(terminal, text, seconds=30):
    seen, end = "", time.monotonic() + seconds
    while text not in seen:
        assert time.monotonic() < end, f"no {text!r} in {seen!r}"
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 4096).decode()
            except OSError:
                raise AssertionError(f"it ended without {text!r}: {seen!r}") from None
    return seen


@pytest.mark.parametrize("gives_up", [False, True])
def test_login_asks_on_a_terminal_and_does_not_show_the_key(server, tmp_path, gives_up):
    environment = {**client_environment(tmp_path, server.url, server.key), **quipu_environment()}
    del environment["WANDB_API_KEY"]
    terminal, other = pty.openpty()
    process = subprocess.Popen([COMMAND, "login"], env=environment, cwd=tmp_path, stdin=other, stdout=other,
                               stderr=other, start_new_session=True)
    os.close(other)
    try:
        seen = read_until(terminal, "API key")
        assert "/authorize" in seen
        if gives_up:
            os.write(terminal, b"abc\x03")
            assert process.wait(30) == 130
            assert not (tmp_path / ".home/.netrc").exists()
            return
        os.write(terminal, b"wrong\x15" + server.key.encode() + b"\n")  # Ctrl-U takes back what was typed
        seen += read_until(terminal, "kept in")
        assert process.wait(30) == 0
        assert server.key not in seen and "Logged in" in seen
        assert server.key in (tmp_path / ".home/.netrc").read_text()
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def test_logout_takes_the_key_away(server, tmp_path):
    environment = {**client_environment(tmp_path, server.url, server.key), **quipu_environment()}
    del environment["WANDB_API_KEY"]

    def run(*arguments, text=None):
        return subprocess.run([COMMAND, *arguments], env=environment, cwd=tmp_path, input=text, text=True,
                              capture_output=True, timeout=60)

    assert run("login", "--key", "-", text=server.key).returncode == 0
    assert run("login").returncode == 0
    assert run("logout").returncode == 0
    assert server.key not in (tmp_path / ".home/.netrc").read_text()
    assert run("login").returncode == 3
