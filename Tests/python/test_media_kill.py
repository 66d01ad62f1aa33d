"""What a SIGKILL can take while media wait to be encoded: pictures, never a row's numbers."""

import glob
import os
import subprocess

import logreader
import pytest
import runs
from outcome import Fold

COMMAND = os.environ.get("QUIPU_COMMAND") or os.path.join(runs.ROOT, "build", "bin", "quipu")

PROGRAM = """
import os, random, sys, quipu
import numpy
rows = int(sys.argv[1])
run = quipu.init(project="p", id="abc", settings={"console": "off"})
noise = numpy.random.default_rng(5).integers(0, 256, (700, 900, 3), dtype="u1")
for n in range(rows):
    run.log({"n": n, "picture": quipu.Image(noise, caption=str(n)), "pair": [quipu.Image(noise[:n + 1]), quipu.Image(noise[:9])]})
run.log({"n": rows})
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(not os.path.exists(COMMAND), reason="the quipu command is not built")
@pytest.mark.parametrize("rows", [1, 4, 12])
def test_row_whose_picture_was_being_encoded_keeps_its_numbers(rows):
    pytest.importorskip("numpy")
    done = runs.script(PROGRAM, str(rows))
    assert done.returncode == -9, done.stderr
    [log] = glob.glob("wandb/*run-*/*.wandb")
    recovered = subprocess.run([COMMAND, "recover", os.path.dirname(log)], capture_output=True, text=True, check=False)
    assert recovered.returncode == 0, recovered.stderr
    fold = Fold(logreader.records(log))
    assert [row["n"] for row in fold.rows] == list(range(rows + 1))
    for row in fold.rows:
        if "picture" in row:
            path = os.path.join(os.path.dirname(log), "files", row["picture"]["path"])
            assert os.path.getsize(path) == row["picture"]["size"]
    # Whatever the log names is there, whole.
    for item in fold.files:
        assert os.path.getsize(os.path.join(os.path.dirname(log), "files", item["path"])) > 0
