"""Random tables, beside the official client: one program, two libraries; run files and artifacts equal to the byte."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("QUIPU_SEED", "11"))
TABLES = int(os.environ.get("QUIPU_ROUNDS", "120"))

# Run with the name of the library: logs random tables offline and prints where the log is and which calls failed.
PROGRAM = '''
import datetime as dt, decimal, importlib, json, os, random, sys
import numpy as np
import pandas as pd

library, seed, count = importlib.import_module(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
TEXTS = ["", "x", "a longer text than that", "\\u00e9\\u6f22\\U0001f600", "quote \\" and \\\\ and \\n", "wandb", "NaN"]


def scalar(random, kind):
    if kind == "int":
        return random.choice([0, -1, 7, 2**40, 2**63 - 1, -(2**63), 2**64 + 3, random.randrange(-1000, 1000)])
    if kind == "float":
        return random.choice([0.0, -0.0, 1.0, 1e-5, 1e-7, 1e16, 1e22, 5e-324, 1.7976931348623157e308,
                              random.gauss(0, 1), random.uniform(-1e6, 1e6), float("inf"), float("-inf")])
    if kind == "nan":
        return random.choice([float("nan"), random.gauss(0, 1)])
    if kind == "text":
        return random.choice(TEXTS) + random.choice(["", str(random.randrange(99))])
    if kind == "bool":
        return random.random() < 0.5
    if kind == "time":
        return dt.datetime(2000, 1, 1) + dt.timedelta(seconds=random.randrange(-10**9, 10**9),
                                                      microseconds=random.choice([0, 1, 999999, 123456]))
    if kind == "zoned":
        zone = dt.timezone(dt.timedelta(minutes=random.choice([0, 330, -210])))
        return scalar(random, "time").replace(tzinfo=zone)
    if kind == "date":
        return dt.date(1970, 1, 1) + dt.timedelta(days=random.randrange(-20000, 20000))
    if kind == "list":
        return [scalar(random, "int" if random.random() < 0.8 else "float") for _ in range(random.randrange(4))]
    if kind == "texts":
        return tuple(scalar(random, "text") for _ in range(random.randrange(1, 3)))
    if kind == "dict":
        return {"a": scalar(random, "int"), "b": scalar(random, "text")}
    if kind == "bytes":
        return scalar(random, "text").encode()
    if kind == "decimal":
        return decimal.Decimal(random.randrange(-10**6, 10**6)) / 100
    if kind == "np":
        return np.dtype(random.choice(["i4", "i8", "u1", "f4", "f8"])).type(random.randrange(100))
    if kind == "npnan":
        return np.float32(random.choice([np.nan, 0.1, 2.5]))
    if kind == "np64":
        return np.datetime64("2020-01-01T00:00:00", random.choice(["ns", "us", "s"])) + random.randrange(10**6)
    if kind == "array":
        return np.arange(3) * random.randrange(9)
    if kind == "matrix":
        return np.arange(4.0).reshape(2, 2) * random.randrange(9)
    raise AssertionError(kind)


KINDS = ["int", "float", "nan", "text", "bool", "time", "zoned", "date", "list", "texts", "dict", "bytes", "decimal",
         "np", "npnan", "np64", "array", "matrix"]


def column(random, rows):
    kind = random.choice(KINDS)
    values = [scalar(random, kind) for _ in range(rows)]
    chance = random.random()
    if rows and chance < 0.25 and kind not in ("array", "matrix"):
        for at in random.sample(range(rows), max(1, rows // 4)):
            values[at] = None
    elif rows and chance < 0.35:  # another kind somewhere: mostly an error
        values[random.randrange(rows)] = scalar(random, random.choice(KINDS))
    return values


def frame(random, rows):
    columns = {}
    for at in range(random.randrange(1, 5)):
        kind = random.choice(["int", "float", "nan", "text", "missing", "bool", "time", "f4", "category", "objects"])
        if kind == "int":
            values = [random.randrange(-99, 99) for _ in range(rows)]
        elif kind == "missing":
            values = [random.choice([None, "x", "yy"]) for _ in range(rows)]
        elif kind == "time":
            values = pd.to_datetime([scalar(random, "time") for _ in range(rows)])
        elif kind == "f4":
            values = np.array([random.choice([0.1, 2.5, np.nan]) for _ in range(rows)], "f4")
        elif kind == "category":
            values = pd.Categorical([random.choice(["u", "v"]) for _ in range(rows)])
        elif kind == "objects":
            values = pd.Series([scalar(random, "dict") for _ in range(rows)], dtype=object)
        else:
            values = [scalar(random, kind) for _ in range(rows)]
        columns[f"c{at}"] = values
    return pd.DataFrame(columns)


def table(random):
    rows = random.choice([0, 1, 3, 15, 16, 40])
    way = random.randrange(6)
    if way == 0 and rows:
        return library.Table(dataframe=frame(random, rows))
    if way == 1 and rows:
        dtype = random.choice(["f8", "f4", "i4", "u1", "?"])
        values = np.array([[random.randrange(2) for _ in range(3)] for _ in range(rows)], dtype)
        return library.Table(columns=["x", "y", "z"], data=values)
    width = random.randrange(1, 5)
    # Not of both kinds: the client fails to sort them.
    names = [f"c{at}" for at in range(width)] if way > 2 or random.random() < 0.8 else list(range(width))
    columns = [column(random, rows) for _ in names]
    data = [list(row) for row in zip(*columns)]
    options = {}
    if random.random() < 0.2:
        options["optional"] = random.choice([False, [random.random() < 0.5 for _ in names]])
    if random.random() < 0.1:
        options["allow_mixed_types"] = True
    options["log_mode"] = random.choice(["IMMUTABLE", "MUTABLE", "INCREMENTAL"])
    if way == 2:
        made = library.Table(columns=names, **options)
        for row in data:
            made.add_data(*row)
    else:
        made = library.Table(columns=names, data=data, **options)
    if way == 3 and rows:
        values = column(random, rows)
        made.add_column("added", np.arange(rows) if random.random() < 0.3 else values, random.random() < 0.5)
    if way == 4 and rows and options["log_mode"] != "INCREMENTAL":
        made.add_computed_columns(lambda index, row: {"n": int(index) * 2, "t": str(len(row))})
    return made


settings = {"console": "off", "silent": True, "x_disable_stats": True, "x_disable_meta": True, "x_save_requirements": False}
run = library.init(project="p", id="fixed", mode="offline", settings=settings)
errors = {}
for number in range(count):
    chance = random.Random(f"{seed}/{number}")
    try:
        made = table(chance)
        run.log({f"t{number}": made})
        if chance.random() < 0.3:
            try:
                made.add_data(*[None] * len(made.columns))
            except TypeError:
                if made.log_mode == "MUTABLE":  # the client takes the refused row for a change
                    continue
            run.log({f"t{number}": made})
    except Exception as error:
        errors[number] = type(error).__name__
directory = run.dir
run.finish()
print("\\n" + json.dumps({"errors": errors, "dir": directory}))
'''


def program(library, tmp_path):
    pytest.importorskip("wandb", reason="the official client is not installed")
    pytest.importorskip("pandas", reason="pandas is not installed")
    where = tmp_path / library
    where.mkdir()
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    environment = {name: text for name, text in os.environ.items() if not name.startswith("WANDB_")}
    environment.update(
        PYTHONPATH=str(ROOT / "bindings" / "python"), HOME=str(where), WANDB_DATA_DIR=str(where / "data"),
        WANDB_CACHE_DIR=str(where / "cache"), WANDB_SILENT="true", WANDB_DISABLE_GIT="true", TZ="UTC",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(script), library, str(SEED), str(TABLES)],
        cwd=where, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def plain(text):
    """Without what every run makes anew: random ids, times."""
    # A call that fails may or may not have counted as a step.
    text = re.sub(r"media/table/(t\d+)_\d+_", r"media/table/\1_N_", text)
    text = re.sub(r"wandb-client-artifact://[a-z0-9]{128}", "wandb-client-artifact://ID", text)
    return re.sub(r"\b(None|\d+)-\d{13}\.", r"\1-MS.", text)


def recorded(outcome):
    sys.path.insert(0, str(ROOT / "Tests" / "conformance"))
    import logreader
    from outcome import Fold

    directory = pathlib.Path(outcome["dir"])
    log = next(directory.parent.glob("*.wandb"))
    fold = Fold(logreader.records(str(log)))
    files = {}
    for path in sorted((directory / "media").rglob("*.json")):
        files[plain(path.relative_to(directory).as_posix())] = path.read_text(encoding="utf-8")
    artifacts = []
    for artifact in fold.artifacts:
        content = {}
        for entry in artifact["manifest"].get("contents", []):
            data = pathlib.Path(entry["local_path"]).read_bytes()
            is_text = entry["path"].endswith(".json")
            content[plain(entry["path"])] = plain(data.decode()) if is_text else len(data) > 0
        artifacts.append({"name": artifact["name"], "type": artifact["type"], "content": content})
    return files, artifacts, json.loads(plain(json.dumps(fold.rows)))


def test_random_tables_make_the_files_of_the_official_client(tmp_path):
    ours, theirs = program("quipu", tmp_path), program("wandb", tmp_path)
    assert ours["errors"] == theirs["errors"]
    assert len(ours["errors"]) < TABLES * 0.6
    ours, theirs = recorded(ours), recorded(theirs)
    for path, text in theirs[0].items():
        assert ours[0].get(path) == text, path
    assert sorted(ours[0]) == sorted(theirs[0])
    assert len(ours[1]) == len(theirs[1])
    for mine, other in zip(ours[1], theirs[1]):
        assert mine == other
    assert len(ours[2]) == len(theirs[2])
    for mine, other in zip(ours[2], theirs[2]):
        assert {k: v for k, v in mine.items() if k[0] != "_"} == {k: v for k, v in other.items() if k[0] != "_"}
