"""SIGKILL at random moments, of the training process and of `quipu sync`: after the next clean sync each row whose call
had returned is there exactly once, and so are console, summary and files.

QUIPU_KILLS=200 is the long form (default: a few); QUIPU_SEED another course of events.
"""

import hashlib
import os
import random
import struct
import time

import pytest
from conftest import FAST, QUIET, SEED, kill, start_command
from faults import plan
from state import content_digest, plain

KILLS = int(os.environ.get("QUIPU_KILLS", "40"))
# Each round kills the trainer once and its syncs up to four times.
ROUNDS = max(4, KILLS // 5)

TRAINER = r"""
#include <quipu.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* trainer ID MODE ROWS PAUSE_US: logs rows and console lines; after each returned call the count goes to ./returned. */
int main(int count, char **words) {
  if (count < 5) return 2;
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  quipu_run *run = NULL;
  quipu_error *error = NULL;
  options.project = "kills";
  options.id = words[1];
  options.mode = strcmp(words[2], "online") == 0 ? QUIPU_MODE_ONLINE : QUIPU_MODE_OFFLINE;
  if (quipu_run_start(&options, &run, &error) != QUIPU_OK) {
    fprintf(stderr, "%s\n", quipu_error_message(error));
    return 1;
  }
  int file = open("returned", O_CREAT | O_TRUNC | O_WRONLY, 0600);
  long rows = atol(words[3]);
  const char *keys[] = {"x", "y"};
  for (long i = 0; i < rows; i++) {
    double values[] = {(double)i, (double)i / 3};
    if (quipu_run_log_doubles(run, keys, values, 2, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT) != QUIPU_OK) return 1;
    long returned = i + 1;
    if (pwrite(file, &returned, sizeof returned, 0) != sizeof returned) return 1;
    if (atoi(words[4]) > 0) usleep((unsigned)atoi(words[4]));
  }
  quipu_status status = quipu_run_finish(run, 0, 60000, &error);
  if (status != QUIPU_OK) fprintf(stderr, "%s\n", quipu_error_message(error));
  quipu_run_free(run);
  return status == QUIPU_OK ? 0 : 1;
}
"""


class Trainer:
    """One training process in a directory of its own."""

    def __init__(self, run_client, program, directory, server, run_id, mode, rows, pause):
        directory.mkdir()
        self.directory, self.run_client = directory, run_client
        launch = f"import os\nos.execv({str(program)!r}, ['trainer', {run_id!r}, {mode!r}, '{rows}', '{pause}'])\n"
        self.process = run_client.start(launch, env={**FAST, **QUIET}, server=server, directory=directory)

    @property
    def returned(self):
        path = self.directory / "returned"
        data = path.read_bytes() if path.exists() else b""
        return struct.unpack("l", data)[0] if len(data) == 8 else 0

    def logs(self):
        return [path for path in (self.directory / "wandb").glob("*run-*") if path.is_dir() and not path.is_symlink()]


def course(chance):
    """When and how often things are killed in one round."""
    return {"rows": chance.randint(200, 2500), "pause": chance.choice([0, 100, 500]), "kill at": chance.random(),
            "syncs": chance.randint(2, 5), "online": chance.random() < 0.5}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_killed_at_a_random_moment_each_row_arrives_once(
        server, proxy, run_client, c_program, tmp_path, run_id, round_):
    seed = SEED * 100_000 + round_
    chance = random.Random(seed)
    way = course(chance)
    print("seed", seed, way)
    # Answers that take a while make moments to be killed in.
    between = proxy(plan.Rule("*", lambda chance: plan.delay(chance.random() * 0.03), None), seed=seed)
    trainer = Trainer(run_client, c_program("trainer", TRAINER), tmp_path / "trainer", between, run_id,
                      "online" if way["online"] else "offline", way["rows"], way["pause"])
    # A moment between the first row and the end, by the rows that were logged.
    target = int(way["kill at"] * way["rows"] * 1.1)
    deadline = time.monotonic() + 30
    while trainer.process.poll() is None and trainer.returned < target and time.monotonic() < deadline:
        time.sleep(0.0005)
    time.sleep(chance.random() * 0.05)
    kill(trainer.process)
    returned = trainer.returned
    if not trainer.logs():
        assert returned == 0
        return
    [log] = trainer.logs()

    small = {**FAST, "WANDB_X_FILE_STREAM_MAX_BYTES": "8192"}
    for _ in range(way["syncs"]):
        seen = between.count()
        process = start_command(run_client, "sync", log, env=small, server=between, directory=trainer.directory)
        wanted = chance.randint(0, 4)
        deadline = time.monotonic() + 20
        while process.poll() is None and between.count() - seen < wanted and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(chance.random() * 0.03)
        kill(process)
    between.plan.clear()
    process = start_command(run_client, "sync", log, env=small, server=between, directory=trainer.directory)
    process.wait(60)
    said = (trainer.directory / "stderr").read_text() + (trainer.directory / "stdout").read_text()
    if process.returncode != 0 and returned == 0:
        # Killed before the run's own record was written: there is nothing that could be sent.
        assert server.run("kills", run_id, "id") is None
        return
    assert process.returncode == 0, said

    rows = server.history("kills", run_id)
    values = [row["x"] for row in rows]
    assert values == list(range(len(values))), f"lost or doubled: {_off(values)}"
    assert [row["_step"] for row in rows] == values and all(row["y"] == row["x"] / 3 for row in rows)
    # The call under way may or may not have counted.
    assert returned <= len(values) <= returned + 1
    if values:
        summary = plain(server.api().run(f"local/kills/{run_id}").summary._json_dict)
        assert summary["x"] == values[-1] and summary["_step"] == values[-1]
    node = server.run("kills", run_id, "state exitcode historyLineCount")
    assert node["historyLineCount"] == len(values)
    assert (node["state"], node["exitcode"]) in [("failed", 1), ("finished", 0)]
    assert node["state"] == "failed" or returned == way["rows"]

    between.forget()
    process = start_command(run_client, "sync", log, env=small, server=between, directory=trainer.directory)
    process.wait(60)
    assert process.returncode == 0 and between.count() == 0, [request.kind for request in between.of()]


def _off(values):
    expected = range(max(values, default=-1) + 1)
    return {"lost": sorted(set(expected) - set(values))[:20], "doubled": len(values) - len(set(values))}


WITH_FILES = """
import sys, time
import wandb
run = wandb.init(project="kills", id=ID, mode="offline", config={"a": 1})
for i in range(300):
    run.log({"x": i})
    print(f"line {i}")
for n in range(20):
    open(f"file{n}.txt", "w").write(f"content {n}\\n" * 1000)
    run.save(f"file{n}.txt", policy="now")
artifact = wandb.Artifact("kept-" + ID, type="dataset")
for n in range(5):
    with artifact.new_file(f"inside{n}.txt") as file:
        file.write(f"inside {n}")
run.log_artifact(artifact)
run.alert("only once", "text")
run.finish()
"""


@pytest.mark.parametrize("round_", range(max(2, KILLS // 20)))
def test_a_sync_killed_over_and_over_leaves_files_artifacts_and_alerts_once(
        server, proxy, quipu, official, run_id, round_):
    chance = random.Random(SEED * 1000 + round_)
    made = official(WITH_FILES.replace("ID", repr(run_id)), env={**QUIET})
    [log] = made.run_directories()
    between = proxy(plan.Rule("*", lambda chance: plan.delay(chance.random() * 0.05), None), seed=round_)
    for _ in range(8):
        seen = between.count()
        process = quipu.start_sync(log, server=between, directory=made.directory)
        wanted = chance.randint(1, 25)
        deadline = time.monotonic() + 20
        while process.poll() is None and between.count() - seen < wanted and time.monotonic() < deadline:
            time.sleep(0.0005)
        kill(process)
    quipu.sync(log, server=between, directory=made.directory)
    api = server.api().run(f"local/kills/{run_id}")
    assert [row["x"] for row in server.history("kills", run_id)] == list(range(300))
    assert [line["line"] for line in server.console("kills", run_id)] == [f"line {i}" for i in range(300)]
    files = {file.name: file for file in api.files()}
    for n in range(20):
        expected = hashlib.md5(f"content {n}\n".encode() * 1000).hexdigest()
        assert content_digest(server, files[f"file{n}.txt"]) == expected
    [artifact] = api.logged_artifacts()
    assert artifact.state == "COMMITTED" and len(artifact.manifest.entries) == 5
    assert artifact.version == "v0"
    alerts = [request for request in between.of("NotifyScriptableRunAlert") if request.processed == 200]
    # An alert whose answer was lost with the process comes again; the server tells by its title that it is the same.
    assert alerts and {alert.json["variables"]["title"] for alert in alerts} == {"only once"}
    between.forget()
    quipu.sync(log, server=between, directory=made.directory)
    assert between.count() == 0
    assert server.run("kills", run_id, "state")["state"] == "finished"
