"""What a run logs with the official client is what the server gives back, value by value."""

import json
import math

# Executed by the client program and by the tests: both sides know the same rows.
ROWS = """
import math
ROWS = [
    {"float": 0.1, "int": 7, "negative": -3, "zero": 0.0, "tiny": 5e-324, "huge": 1.7976931348623157e308},
    {"float": 1 / 3, "int": 2**53, "third": -1 / 3, "true": True, "false": False},
    {"nan": float("nan"), "inf": float("inf"), "minus": float("-inf"), "float": 2.5},
    {"text": "h\\u00e9llo \\"quoted\\" back\\\\slash \\u0001 \\u2028 \\U0001f600", "empty": "", "newline": "a\\nb\\tc"},
    {"int": 2**63 - 1, "more": -(2**63), "beyond": 2**64, "big": 12345678901234567890123},
    {"nested": {"x": 1, "y": {"z": -2.5, "t": "deep"}, "e.f": 3}, "dotted.key": 4, "float": float("nan")},
    {"list": [1, 2.5, "three", None, [4]], "none": None, "mixed": "now a text", "strings": ["a", "b"]},
    {"mixed": 1.5, "int": 9007199254740993, "key with spaces/and \\u00fc": 1},
]
"""


def same(a, b):
    """Equal, with NaN equal to itself and 1.0 equal to 1, but True unequal to 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a == b or (a != a and b != b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def logged(row):
    return {key: value for key, value in row.items() if not key.startswith("_")}


def test_values_of_every_kind_come_back_equal(server, run_client):
    run_client(ROWS + """
import wandb
run = wandb.init(project="values", id="kinds")
for row in ROWS:
    run.log(row)
run.log({"jump": 1}, step=1000)
run.log({"part": 1}, step=2000, commit=False)
run.log({"part": 2, "other": 3}, step=2000)
run.log({}, step=2001)
run.finish()
""")
    scope = {}
    exec(ROWS, scope)
    expected = scope["ROWS"]
    rows = server.history("values", "kinds")
    assert [row["_step"] for row in rows[:len(expected)]] == list(range(len(expected)))
    for row, want in zip(rows, expected):
        # The client sends 2**64 and beyond with the digits that a float has left.
        for key in ("beyond", "big"):
            if key in want:
                assert float(row[key]) == float(want[key])
                row, want = {**row, key: 0}, {**want, key: 0}
        # None is logged as null, or left out by the client; both read back as None.
        assert same({"none": None, **logged(row)}, {"none": None, **want}), (row, want)
        assert isinstance(row["_timestamp"], float) and row["_runtime"] >= 0
    rest = {row["_step"]: logged(row) for row in rows[len(expected):]}
    assert rest.pop(1000) == {"jump": 1}
    assert rest.pop(2000) == {"part": 2, "other": 3}
    assert all(row == {} for row in rest.values())

    # The same over the client's own reader.
    run = server.api().run("local/values/kinds")
    scanned = list(run.scan_history())
    assert len(scanned) == len(rows)
    for row, raw in zip(scanned, rows):
        assert same(row, raw), (row, raw)
    floats = [row["float"] for row in run.scan_history(keys=["float"])]
    # A row whose value is NaN has the key. Rows with asked keys come as strict JSON, where it can only be a text.
    assert same([float(value) for value in floats], [0.1, 1 / 3, 2.5, math.nan])
    infinities = list(run.scan_history(keys=["inf", "minus"]))
    assert len(infinities) == 1, infinities
    assert float(infinities[0]["inf"]) == math.inf and float(infinities[0]["minus"]) == -math.inf


def test_twenty_thousand_rows_come_back_equal(server, run_client):
    run_client("""
import wandb
run = wandb.init(project="values", id="many", settings=wandb.Settings(x_disable_stats=True))
for i in range(20_000):
    run.log({"i": i, "square": i * i, "third": i / 3, "text": f"row {i}", **({"seldom": -i} if i % 1000 == 0 else {})})
run.finish()
""")
    rows = server.history("values", "many")
    assert len(rows) == 20_000
    for i, row in enumerate(rows):
        want = {"i": i, "square": i * i, "third": i / 3, "text": f"row {i}"}
        if i % 1000 == 0:
            want["seldom"] = -i
        assert row["_step"] == i and logged(row) == want
    run = server.api().run("local/values/many")
    assert run.lastHistoryStep == 19_999 and run.summary["square"] == 19_999**2
    count = 0
    for i, row in enumerate(run.scan_history(keys=["square", "text"], page_size=3000)):
        assert row["square"] == i * i and row["text"] == f"row {i}"
        count += 1
    assert count == 20_000
    assert [row["seldom"] for row in run.scan_history(keys=["seldom"], page_size=15_000)] == [
        -i for i in range(0, 20_000, 1000)]
    sampled = run.history(samples=500, pandas=False)
    assert 400 <= len(sampled) <= 500 and sampled[0]["i"] == 0
    assert [row["third"] for row in sampled] == [row["i"] / 3 for row in sampled]


def test_config_summary_and_settings_come_back_equal(server, run_client):
    run_client("""
import wandb
run = wandb.init(project="values", id="setup", name="display name \\u00fc", notes="some\\nnotes", group="g/1",
                 job_type="train", tags=["t1", "t 2"], config={
    "lr": 0.1, "layers": [64, 32], "opt": {"name": "sgd", "momentum": 0.9, "betas": [0.9, 0.999]}, "flag": True,
    "none": None, "text": "h\\u00e9 \\"q\\"", "big": 2**62, "float": 1e-300, "dotted.key": 1})
run.config.late = "value"
run.config.update({"opt": {"name": "adam"}}, allow_val_change=True)  # the client merges
run.define_metric("epoch")
run.define_metric("loss", step_metric="epoch", summary="min")
run.define_metric("val/*", step_metric="epoch", summary="max,mean,last,first")
run.define_metric("acc", summary="max")
run.define_metric("hidden", hidden=True)
for i in range(10):
    run.log({"epoch": i, "loss": abs(5 - i), "val/f1": i * 2, "acc": i % 7, "hidden": 1, "nested": {"a": i}})
run.summary["best_acc"] = 0.98
run.summary["nested_sum"] = {"a": 1, "b": {"c": 2}}
run.log({"nan": float("nan"), "minus": float("-inf")})
run.tags = run.tags + ("t3",)
run.name = "renamed"
run.finish()
""")
    run = server.api().run("local/values/setup")
    assert (run.name, run.notes, run.group, run.job_type, sorted(run.tags), run.state) == (
        "renamed", "some\nnotes", "g/1", "train", ["t 2", "t1", "t3"], "finished")
    assert run.config == {
        "lr": 0.1, "layers": [64, 32], "opt": {"name": "adam", "momentum": 0.9, "betas": [0.9, 0.999]}, "flag": True,
        "none": None, "text": "h\u00e9 \"q\"", "big": 2**62, "float": 1e-300, "dotted.key": 1, "late": "value"}
    summary = run.summary
    assert dict(summary["loss"]) == {"min": 0}
    assert dict(summary["val/f1"]) == {"max": 18, "mean": 9, "last": 18, "first": 0}
    assert dict(summary["acc"]) == {"max": 6}
    assert summary["best_acc"] == 0.98 and summary["nested_sum"]["b"]["c"] == 2 and summary["epoch"] == 9
    assert summary["nested"]["a"] == 9 and summary["nan"] != summary["nan"] and summary["minus"] == -math.inf
    raw = json.loads(run.json_config)
    definitions = raw["_wandb"]["value"]["m"]
    assert {entry.get("1") or entry.get("2") for entry in definitions} >= {"epoch", "loss", "val/*", "acc", "hidden"}
    assert raw["_wandb"]["value"]["t"]["12"], "telemetry"
    node = server.run("values", "setup", "host program displayName user { username } wandbConfig(keys: [\"t\"])")
    assert node["displayName"] == "renamed" and node["user"]["username"] == "local" and node["program"]
    assert run.metadata["program"].endswith(".py")


def test_an_id_used_again_without_resume_goes_on_behind_its_rows(server, run_client):
    run_client("""
import wandb
for life in range(2):
    run = wandb.init(project="values", id="again", config={f"c{life}": life}, reinit=True)
    for i in range(5):
        run.log({"x": life * 10 + i, f"only{life}": i})
    run.finish()
""")
    # Both lives have _step 0 to 4: rows are known by their step, the later life counts.
    rows = server.history("values", "again")
    assert [row["_step"] for row in rows] == list(range(5))
    assert [row["x"] for row in rows] == [10, 11, 12, 13, 14]
    run = server.api().run("local/values/again")
    assert run.config == {"c0": 0, "c1": 1} or run.config == {"c1": 1}
    assert run.state == "finished" and run.summary["x"] == 14


def test_the_first_call_with_a_callers_entity_and_no_project(server, run_client):
    outcome = run_client("""
import json, os
import wandb
run = wandb.init()
a = (run.entity, run.project, run.id, run.name, run.url)
run.log({"x": 1})
run.finish()
run = wandb.init(entity="a-team", project="p 1", id="odd @id+=&$ \\u00fc", name="n")
b = (run.entity, run.project, run.id)
run.log({"x": 2})
run.finish()
print(json.dumps([a, b]))
""")
    (entity, project, run, name, url), odd = outcome.json
    assert (entity, project) == ("local", "uncategorized") and name and url.startswith(server.url)
    assert [row["x"] for row in server.history("uncategorized", run)] == [1]
    assert odd == ["a-team", "p 1", "odd @id+=&$ \u00fc"]
    assert [row["x"] for row in server.history("p 1", odd[2], entity="a-team")] == [2]
