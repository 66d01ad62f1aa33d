"""Arrays in rows and in the summary, beside the official client: random values, one program, two libraries."""

import json
import math
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("QUIPU_SEED", "7"))
ROWS = 250

# Run with the name of the library: logs ROWS random rows offline and prints where the log is and which calls failed.
PROGRAM = '''
import importlib, json, os, sys
import numpy as np

library, seed, rows = importlib.import_module(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">i4", ">f8"]


def array(random):
    dtype = random.choice(DTYPES)
    axes = int(random.integers(0, 4))
    shape = tuple(int(x) for x in random.integers(0 if random.random() < 0.1 else 1, 9, axes))
    values = random.standard_normal(shape) * 10.0 ** random.integers(-2, 3)
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        values = np.clip(values, max(info.min, -2**53), min(info.max, 2**53))
    made = np.asarray(values > 0 if dtype == "?" else values.astype(dtype))
    if made.dtype.kind == "f" and random.random() < 0.15 and made.size:
        made.flat[int(random.integers(0, made.size))] = random.choice([np.nan, np.inf, -np.inf])
    layout = random.integers(0, 4)
    if layout == 1:
        made = made.T
    elif layout == 2 and made.ndim:
        made = made[::-1]
    elif layout == 3 and made.ndim:
        made = np.repeat(made, 2, axis=0)[::2]
    return made


def value(random, depth):
    kind = random.integers(0, 10)
    if kind < 6:
        return array(random)
    if kind == 6:  # a scalar of NumPy's
        return np.dtype(random.choice(["i1", "u8", "f2", "f4", "f8", "?"])).type(random.integers(0, 100))
    if kind == 7:
        return float(random.standard_normal())
    if depth == 2:
        return int(random.integers(-5, 5))
    if kind == 8:
        return {f"k{n}": value(random, depth + 1) for n in range(int(random.integers(1, 4)))}
    return [value(random, depth + 1) for n in range(int(random.integers(1, 4)))]


settings = {"console": "off", "silent": True}
run = library.init(project="p", mode="offline", settings=library.Settings(**settings))
errors = []
for number in range(rows):
    random = np.random.default_rng([seed, number])
    row = {f"v{n}": value(random, 0) for n in range(int(random.integers(1, 4)))}
    try:
        run.log({"number": number, **row}, step=number)
    except Exception as error:
        errors.append([number, type(error).__name__])
    summary = array(random)
    # The client cannot take percentiles of booleans.
    if np.isfinite(summary.astype("f8")).all() and (summary.dtype != bool or summary.size <= 32):
        run.summary[f"s{number}"] = summary
path = run.dir if sys.argv[1] == "wandb" else run._info["log_path"]
run.finish()
print(json.dumps({"path": path, "errors": errors}))
'''


def results(library, folder):
    """(rows by their number, summary, failed calls) of one library."""
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM, "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "QUIPU_"))}
    if "QUIPU_LIBRARY" in os.environ:
        environment["QUIPU_LIBRARY"] = os.environ["QUIPU_LIBRARY"]
    environment.update(
        HOME=str(folder), PYTHONPATH=str(ROOT / "bindings/python"), WANDB_DIR=str(folder), WANDB_SILENT="true",
        PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "program.py", library, str(SEED), str(ROWS)], cwd=folder, env=environment,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    path = pathlib.Path(said["path"])
    if path.is_dir():
        path = next(path.parent.glob("*.wandb"))
    sys.path.insert(0, str(ROOT / "Tests/conformance"))
    try:
        import logreader
        from outcome import Fold
    finally:
        sys.path.pop(0)
    fold = Fold(logreader.records(str(path)))
    rows = {row["number"]: row for row in fold.rows}
    return rows, fold.summary(), said["errors"]


def differences(one, other, path="", tolerance=0.0):
    """Where two values differ. Whole numbers may be integer or float; NaN equals NaN."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            if key not in one or key not in other:
                yield f"{path}/{key}: only in {'the first' if key in one else 'the second'}"
            else:
                yield from differences(one[key], other[key], f"{path}/{key}", tolerance)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield f"{path}: {len(one)} and {len(other)} elements"
        for at, (a, b) in enumerate(zip(one, other)):
            yield from differences(a, b, f"{path}/{at}", tolerance)
    elif isinstance(one, bool) or isinstance(other, bool) or not isinstance(one, (int, float)):
        if one != other or type(one) is not type(other):
            yield f"{path}: {one!r} and {other!r}"
    elif one != other and not (one != one and other != other):
        if not math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance):
            yield f"{path}: {one!r} and {other!r}"


def test_random_rows_and_summaries_hold_the_same(tmp_path):
    pytest.importorskip("wandb", reason="the official client is not installed")
    pytest.importorskip("numpy", reason="numpy is not installed")
    theirs, their_summary, their_errors = results("wandb", tmp_path / "theirs")
    ours, our_summary, our_errors = results("quipu", tmp_path / "ours")
    assert our_errors == their_errors
    assert len(theirs) > ROWS / 2 and len(theirs) == len(ours)
    for number, row in theirs.items():
        skip = ("_timestamp", "_runtime")
        one, other = ({k: v for k, v in r.items() if k not in skip} for r in (row, ours[number]))
        assert not list(differences(one, other)), f"row {number}"
    compared = 0
    for key, value in their_summary.items():
        if key[0] == "s" and key[1:].isdigit():
            # Statistics are computed in the array's type there, where halves overflow, and in double here.
            if isinstance(value, dict) and value["var"] == {"$float": "inf"}:
                value = {**value, "var": our_summary[key]["var"]}
            assert not list(differences(value, our_summary[key], key, 1e-3)), key
            compared += 1
    assert compared > ROWS / 2
