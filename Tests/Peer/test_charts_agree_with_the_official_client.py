"""Charts of random labels and scores beside the official client's, cell by cell, and beside scikit-learn's raw curves.

The official tables are taken from its chart objects, ours from the files of an offline run.
"""

import json
import os
import pathlib
import random
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

numpy = pytest.importorskip("numpy", reason="numpy is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
wandb = pytest.importorskip("wandb", reason="the official client is not installed")

SCORES = ("f2", "f4", "f8", ">f8", "i4", "u1")
ROUNDS = 150


@pytest.fixture
def logged(tmp_path, monkeypatch):
    """A function that logs charts and returns their tables: columns and rows as JSON."""
    for name in list(os.environ):
        if name.startswith(("WANDB_", "QUIPU_")) and name != "QUIPU_LIBRARY":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    import quipu

    def log(charts):
        settings = {"console": "off", "silent": True, "x_disable_meta": True, "x_disable_stats": True}
        run = quipu.init(project="p", mode="offline", dir=str(tmp_path), settings=settings)
        for number, chart in enumerate(charts):
            run.log({f"c{number}": chart})
        run.finish()
        assert run.stats()["values_dropped"] == 0
        tables = {}
        for path in pathlib.Path(run.dir, "media", "table").iterdir():
            tables[int(path.name.split("_")[0][1:])] = json.loads(path.read_text(encoding="utf-8"))
        return [tables[number] for number in range(len(charts))]

    return log


def theirs(chart):
    """Columns and rows of the official client's table as JSON gives them back."""
    rows = [[value.item() if hasattr(value, "item") else value for value in row] for row in chart.table.data]
    return {"columns": chart.table.columns, "data": json.loads(json.dumps(rows))}


def same(one, other):
    return json.dumps(one) == json.dumps(other)  # NaN equals NaN, 1 is not 1.0


def draw(chance):
    """Labels and scores of a random kind, and keyword arguments for both clients."""
    generator = numpy.random.default_rng(chance.randrange(2**32))
    count, classes = chance.randrange(2, 300), chance.randrange(2, 5)
    number = generator.integers(0, classes, count)
    number[:classes] = range(min(classes, count))
    kind = chance.choice(["int", "u1", "offset", "bool", "float", "text", "list", "texts"])
    if kind == "bool":
        number, classes = number % 2, 2
    labels = {
        "int": lambda: number,
        "u1": lambda: number.astype("u1"),
        "offset": lambda: number * 7 + 3,
        "bool": lambda: number.astype(bool),
        "float": lambda: number.astype("f4"),
        "text": lambda: numpy.array(["b", "é", "a", "zz"])[number],
        "list": lambda: number.tolist(),
        "texts": lambda: [f"class {value}" for value in number],
    }[kind]()
    scores = generator.random((count, classes + chance.randrange(2)))
    if chance.random() < 0.5:
        scores = scores.round(chance.choice([1, 2]))  # ties
    if chance.random() < 0.3:
        scores = scores * 20 - 10
    scores = (scores * (100 if chance.random() < 0.3 else 1)).astype(chance.choice(SCORES))
    shape = chance.randrange(4)
    if shape == 1:
        scores = numpy.asfortranarray(scores)
    elif shape == 2:
        scores = numpy.repeat(scores, 2, axis=1)[:, ::2]
    elif shape == 3:
        scores = scores[::-1].copy()[::-1]
    named = {}
    if kind in ("int", "u1", "list") and chance.random() < 0.5:
        named["labels"] = ["one", "two", "three", "four"]
    if chance.random() < 0.3:
        named["classes_to_plot"] = [labels[0], labels[-1]]
    return labels, scores, named


@pytest.mark.parametrize("name", ["pr_curve", "roc_curve"])
def test_curves_equal_the_official_ones(name, logged):
    import quipu

    chance = random.Random(f"{name} 1")
    mine, wanted, cases = [], [], []
    for _ in range(ROUNDS):
        labels, scores, named = draw(chance)
        if name == "pr_curve" and chance.random() < 0.5:
            named["interp_size"] = chance.choice([1, 2, 3, 11, 50, 101])
        wanted.append(theirs(getattr(wandb.plot, name)(labels, scores, **named)))
        mine.append(getattr(quipu.plot, name)(labels, scores, **named))
        cases.append((labels, scores, named))
    for got, want, case in zip(logged(mine), wanted, cases):
        assert same(got, want), case


def test_confusion_matrices_equal_the_official_ones(logged):
    import quipu

    chance = random.Random("confusion 1")
    mine, wanted = [], []
    for _ in range(ROUNDS):
        labels, scores, _ = draw(chance)
        if hasattr(labels, "tolist") and chance.random() < 0.5:
            labels = labels.tolist()
        named = {"y_true": labels}
        if chance.random() < 0.5 and not isinstance(labels[0], str):
            named["probs"] = scores if chance.random() < 0.5 else scores.tolist()
        else:
            predictions = list(labels)
            chance.shuffle(predictions)
            named["preds"] = predictions
        if not isinstance(labels[0], str) and max(labels) < 4 and chance.random() < 0.5:
            named["class_names"] = ["one", "two", "three", "four", "five"]
        wanted.append(theirs(wandb.plot.confusion_matrix(**named)))
        mine.append(quipu.plot.confusion_matrix(**named))
    for got, want in zip(logged(mine), wanted):
        assert same(got, want)


def test_line_series_equal_the_official_ones(logged):
    import quipu

    chance = random.Random("series 1")
    mine, wanted = [], []
    for _ in range(ROUNDS):
        lines = chance.randrange(1, 4)

        def values():
            array = numpy.array([chance.randrange(100) / 4 for _ in range(chance.randrange(1, 6))])
            array = array.astype(chance.choice(["f4", "f8", "i8", "u1"]))
            return chance.choice([array, array.tolist(), tuple(array.tolist())])

        xs = chance.choice([values(), [values() for _ in range(lines)]])
        ys = [values() for _ in range(lines)]
        keys = chance.choice([None, [f"key {number}" for number in range(lines)]])
        wanted.append(theirs(wandb.plot.line_series(xs, ys, keys=keys)))
        mine.append(quipu.plot.line_series(xs, ys, keys=keys))
    for got, want in zip(logged(mine), wanted):
        assert same(got, want)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_roc_points_equal_those_of_scikit_learn(dtype, logged):
    import quipu
    from sklearn.metrics import roc_curve

    generator = numpy.random.default_rng(7)
    charts, wanted = [], []
    for count in (2, 5, 100, 3000):
        labels = generator.integers(0, 2, count)
        labels[:2] = (0, 1)
        scores = generator.normal(size=(count, 2)).astype(dtype)
        charts.append(quipu.plot.roc_curve(labels, scores, classes_to_plot=[1]))
        # 16 bits are exact in 32.
        false, true, _ = roc_curve(labels, scores[:, 1].astype("f4" if dtype == "f2" else dtype))
        wanted.append([[1, *pair] for pair in zip(false.round(3).tolist(), true.round(3).tolist())])
    for got, want in zip(logged(charts), wanted):
        assert len(got["data"]) == len(want)
        assert max(abs(a - b) for x, y in zip(got["data"], want) for a, b in zip(x, y)) <= 0.0005000001


def test_long_curves_keep_their_shape_in_ten_thousand_rows(logged):
    import quipu
    from sklearn.metrics import roc_auc_score

    generator = numpy.random.default_rng(3)
    labels = generator.integers(0, 3, 60_000)
    scores = generator.normal(size=(60_000, 3))
    scores[numpy.arange(60_000), labels] += 1
    got = logged([quipu.plot.roc_curve(labels, scores)])[0]
    assert len(got["data"]) == 10_000
    assert got["data"] == sorted(got["data"], key=lambda row: (row[1], row[2], row[0]))
    theirs_ = theirs(wandb.plot.roc_curve(labels, scores))
    for number in range(3):
        curve = numpy.array([row[1:] for row in got["data"] if row[0] == number])
        official = [row for row in theirs_["data"] if row[0] == number]
        assert abs(len(curve) - len(official)) <= 1
        assert curve[0].tolist() == [0, 0] and curve[-1].tolist() == [1, 1]
        area = numpy.trapezoid(curve[:, 1], curve[:, 0])
        assert abs(area - roc_auc_score(labels == number, scores[:, number])) < 2e-3
