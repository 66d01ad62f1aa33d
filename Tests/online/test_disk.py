"""Disks that are full and files that vanish under a run that uploads."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import wait_for
from faults import STREAM
from programs import check_everything, everything, fill
from state import assert_rows

# Signals (SIGXFSZ) are ignored by Python: a write beyond the limit fails as on a full disk.
LIMITED = """
import json, resource
import wandb
run = wandb.init(project="online", id=ID, settings=wandb.Settings(finish_timeout=3))
for i in range(50):
    run.log({"x": i})
import time
time.sleep(1)
size = max(path.stat().st_size for path in __import__("pathlib").Path(run.dir).parent.glob("*.wandb"))
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 2000, resource.RLIM_INFINITY))
for i in range(50, 500):
    run.log({"x": i})
time.sleep(0.5)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for i in range(500, 550):
    run.log({"x": i})
try:
    run.finish()
    finished = "ok"
except Exception as problem:
    finished = str(problem)
print(json.dumps({"finished": finished}))
"""


def test_a_log_that_cannot_grow_for_a_while_loses_nothing(server, proxy, quipu, run_id):
    outcome = quipu(fill(LIMITED, ID=run_id), server=proxy(), env={"WANDB_SILENT": None})
    assert outcome.json["finished"] == "ok", outcome.stderr
    assert_rows(server, "online", run_id, 550)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB, full but for some blocks when `.fill()` was called."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")

    class Disk(type(pathlib.Path())):
        def fill(self):
            with open(self / "ballast", "wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)):
                        pass
                except OSError:
                    pass

        def free(self):
            os.unlink(self / "ballast")

    yield Disk(place)
    subprocess.run(["umount", "-l", place], check=False)


def test_a_full_disk_is_counted_and_said_and_what_was_written_arrives(server, proxy, quipu, run_id, small_disk):
    between = proxy()
    process = quipu.start(everything(run_id, rows=600, pause=0.01, files=False), server=between, env={
        "WANDB_DIR": str(small_disk), "WANDB_SILENT": None, "WANDB_FINISH_TIMEOUT": "5"})
    wait_for(lambda: between.count(STREAM) >= 2, "rows arrive")
    small_disk.fill()
    wait_for(lambda: "disk" in said(process).lower() or "space" in said(process).lower(), "the full disk is said")
    small_disk.free()
    process.wait(60)
    assert process.returncode == 0, said(process)
    check_everything(server, run_id, rows=600, files=False)


def said(process):
    return (process.directory / "stderr").read_text()


@pytest.mark.parametrize("what", ["log", "side file", "directory"])
def test_files_that_vanish_under_a_run_crash_nothing(server, proxy, quipu, run_id, what):
    between = proxy()
    process = quipu.start(everything(run_id, rows=300, pause=0.01, files=False), server=between,
                          env={"WANDB_SILENT": None, "WANDB_FINISH_TIMEOUT": "5"})
    wait_for(lambda: between.count(STREAM) >= 3, "rows arrive")
    [run] = [path for path in (process.directory / "wandb").glob("run-*") if not path.is_symlink()]
    if what == "directory":
        shutil.rmtree(run)
    else:
        [log] = run.glob("*.wandb")
        victims = [log] if what == "log" else [path for path in run.iterdir() if path.name.endswith(".upload")]
        assert victims, sorted(path.name for path in run.iterdir())
        for path in victims:
            path.unlink()
    process.wait(60)
    assert process.returncode == 0, said(process)
    assert "Traceback" not in said(process)
    json.loads((process.directory / "stdout").read_text().strip().splitlines()[-1])
    found = [row["x"] for row in server.history("online", run_id)]
    # What was open stays readable through its descriptor; either all of it arrives or it is said that some did not.
    assert found == list(range(len(found)))
    if what == "side file":
        check_everything(server, run_id, rows=300, files=False)
    else:
        assert len(found) == 300 or said(process).strip()
