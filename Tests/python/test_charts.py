"""Charts, figures and graphs: what they write, and what bad arguments get."""

import array
import json
import math
import os
import sys
import types

import pytest
import quipu
from runs import fold, script, start


def table(**columns):
    return quipu.Table(columns=list(columns), data=[list(row) for row in zip(*columns.values())])


def written(run, name):
    """The content of the only file of the run whose name starts with `name`."""
    found = []
    for folder, _, names in os.walk(os.path.join(run.dir, "media")):
        found += [os.path.join(folder, file) for file in names if file.startswith(name)]
    assert len(found) == 1, found
    with open(found[0], encoding="utf-8") as file:
        return file.read()


def rows_of(chart):
    run = start()
    run.log({"c": chart})
    run.finish()
    return json.loads(written(run, "c_table_"))["data"]


# -- charts


def test_chart_leaves_its_key_to_its_table_and_the_config():
    run = start()
    run.log({"a": 1, "deep": {"c": quipu.plot.bar(table(x=["p"], y=[1]), "x", "y"), "b": 2}})
    outcome = fold(run)
    assert outcome.rows[0]["deep"] == {"b": 2}
    assert outcome.rows[0]["deep.c_table"]["_type"] == "table-file"
    assert outcome.client_config["visualize"]["deep.c"]["panel_config"]["panelDefId"] == "wandb/bar/v0"


def test_rows_added_to_a_charts_table_are_logged_with_it():
    run = start()
    data = quipu.Table(columns=["x"], log_mode="MUTABLE")
    chart = quipu.plot.histogram(data, "x")
    for number in range(2):
        data.add_data(number)
        run.log({"c": chart})
    assert [row["c_table"]["nrows"] for row in fold(run).rows] == [1, 2]


def test_chart_logged_twice_repeats_its_first_files():
    run = start()
    chart = quipu.plot.roc_curve([0, 1], [[0.9, 0.1], [0.2, 0.8]])
    run.log({"a": chart})
    run.log({"b": chart})
    outcome = fold(run)
    assert outcome.rows[0]["a_table"] == outcome.rows[1]["b_table"]
    assert len(outcome.artifacts) == 1


def test_curve_of_a_hundred_thousand_samples_is_logged():
    scores = array.array("d", [(number * 7919 % 100_003) / 100_003 for number in range(200_000)])
    labels = array.array("q", [number % 2 for number in range(100_000)])
    view = memoryview(scores).cast("B").cast("d", (100_000, 2))
    run = start()
    run.log({"c": quipu.plot.roc_curve(labels, view)})
    row = fold(run).rows[0]["c_table"]
    assert row["nrows"] == 10_000 and row["ncols"] == 3


@pytest.mark.parametrize("make", [list, tuple, lambda items: {0: items[0], 1: items[1]}])
def test_classes_are_named_by_any_list(make):
    rows = rows_of(quipu.plot.pr_curve([0, 1], [[0.9, 0.1], [0.2, 0.8]], labels=make(["no", "yes"]), interp_size=2))
    assert [row[0] for row in rows] == ["no", "no", "yes", "yes"]


def test_scores_may_be_lists_of_arrays():
    rows = rows_of(quipu.plot.confusion_matrix([array.array("f", [1, 2]), array.array("f", [4, 3])], [1, 0]))
    assert [row[2] for row in rows] == [1, 0, 0, 1]


def test_series_of_texts_and_nones_become_cells():
    rows = rows_of(quipu.plot.line_series(["p", "q"], [[1, None]]))
    assert rows == [["p", "line_0", 1], ["q", "line_0", None]]


SCORES = [[0.9, 0.1], [0.2, 0.8]]
BAD = {
    "y_probas: has 2 rows": (quipu.plot.roc_curve, ([0, 1, 1], SCORES), ValueError),
    "y_probas: has 2 columns": (quipu.plot.pr_curve, ([0, 1, 2], [*SCORES, [0.5, 0.5]]), IndexError),
    "y_probas: holds NaN": (quipu.plot.roc_curve, ([0, 1], [[0.9, math.nan], [0.2, 0.8]]), ValueError),
    "y_probas: holds NaN or infinity": (quipu.plot.pr_curve, ([0, 1], [[0.9, math.inf], [0.2, 0.8]]), ValueError),
    "y_probas must have rows of one length": (quipu.plot.pr_curve, ([0, 1], [[0.9], [0.2, 0.8]]), ValueError),
    "y_probas is missing": (quipu.plot.pr_curve, ([0, 1],), IndexError),
    "y_probas must hold": (quipu.plot.pr_curve, ([0, 1], [["a", "b"], ["c", "d"]]), TypeError),
    "y_true is missing": (quipu.plot.roc_curve, (None, SCORES), TypeError),
    "y_true holds numbers beside texts": (quipu.plot.roc_curve, ([0, "a"], SCORES), TypeError),
    "y_true holds None": (quipu.plot.roc_curve, ([0, None], SCORES), TypeError),
    "y_true: holds NaN": (quipu.plot.roc_curve, ([0.0, math.nan], SCORES), ValueError),
    "y_true: the label 0.5": (quipu.plot.roc_curve, ([0.5, 1.5], SCORES), ValueError),
    "labels: has 1 names": (quipu.plot.roc_curve, ([0, 1], SCORES, ["a"]), IndexError),
    "classes_to_plot: none of these": (quipu.plot.roc_curve, ([0, 1], SCORES, None, [7]), ValueError),
    "interp_size must be 1": (lambda: quipu.plot.pr_curve([0, 1], SCORES, interp_size=0), (), ValueError),
    "interp_size must be an integer": (lambda: quipu.plot.pr_curve([0, 1], SCORES, interp_size=2.5), (), TypeError),
    "title must be text": (lambda: quipu.plot.pr_curve([0, 1], SCORES, title=5), (), TypeError),
    "preds, probs": (quipu.plot.confusion_matrix, (None, [0, 1]), ValueError),
    "preds: has 1 entries": (quipu.plot.confusion_matrix, (None, [0, 1], [0]), ValueError),
    "preds: the label 5": (quipu.plot.confusion_matrix, (None, [0, 1], [0, 5], ["a", "b"]), KeyError),
    "y_true: the label -1": (quipu.plot.confusion_matrix, (None, [0, -1], [0, 1], ["a", "b"]), KeyError),
    "preds: cannot be compared": (quipu.plot.confusion_matrix, (None, [0, 1], ["a", "b"]), TypeError),
    "class_names: has 1 names": (quipu.plot.confusion_matrix, (None, [0, 1], [0, 1], ["a"]), ValueError),
    "y_true: 3000 classes": (quipu.plot.confusion_matrix, (None, range(3000), range(3000)), ValueError),
    "xs has 1 lists": (quipu.plot.line_series, ([[0, 1]], [[1, 2], [3, 4]]), ValueError),
    "xs is empty": (quipu.plot.line_series, ([], [[1]]), IndexError),
    "ys[1] must be": (quipu.plot.line_series, ([0], [[1], 2]), TypeError),
    "keys has 1 names": (quipu.plot.line_series, ([0], [[1], [2]], ["a"]), ValueError),
    "table must be a Table": (quipu.plot.line, ([[1]], "x", "y"), quipu.Error),
    "value must be a Table": (quipu.plot.visualize, ("id", 5), quipu.Error),
    "data_table must be a Table": (quipu.plot_table, ("spec", [[1]], {}), quipu.Error),
    "vega_spec_name must be text": (lambda: quipu.plot_table(5, table(x=[1]), {}), (), TypeError),
}


@pytest.mark.parametrize("message", list(BAD))
def test_bad_argument_is_named(message):
    function, arguments, cls = BAD[message]
    with pytest.raises(cls) as caught:
        function(*arguments)
    assert str(caught.value).strip("'\"").startswith(message)


@pytest.mark.parametrize("place", ["list", "deep list", "mixed list", "summary", "config", "cell"])
def test_chart_where_it_cannot_stand_is_refused_and_leaves_nothing(place):
    run = start()
    chart = quipu.plot.bar(table(x=[1]), "x", "x")
    with pytest.raises(TypeError):
        if place == "list":
            run.log({"a": 1, "c": [chart, chart]})
        elif place == "deep list":
            run.log({"a": 1, "c": [{"d": [chart]}]})
        elif place == "cell":
            run.log({"a": 1, "c": quipu.Table(columns=["x"], data=[[chart]])})
        elif place == "mixed list":
            run.log({"a": 1, "c": [chart, 2]})
        elif place == "summary":
            run.summary["c"] = chart
        else:
            run.config["c"] = chart
    run.log({"b": 1})
    outcome = fold(run)
    assert [{key: value for key, value in row.items() if key[0] != "_"} for row in outcome.rows] == [{"b": 1}]
    assert not outcome.artifacts and "visualize" not in outcome.client_config


# -- Plotly


def test_plotly_dictionary_keeps_large_arrays_as_lists():
    run = start()
    run.log({"c": quipu.Plotly({"data": [{"y": array.array("d", [0.5] * 100)}], "layout": {}})})
    assert fold(run).rows[0]["c"]["_type"] == "plotly-file"
    assert json.loads(written(run, "c_"))["data"][0]["y"] == [0.5] * 100


@pytest.mark.parametrize("value", [5, "{}", {"layout": {}}, None, [1], {"data": {}}])
def test_what_is_no_plotly_figure_is_refused(value):
    with pytest.raises(ValueError, match="Plotly figure"):
        quipu.Plotly(value)


def test_plotly_figures_in_rows_are_written_as_the_official_client_does():
    go = pytest.importorskip("plotly.graph_objects")
    numpy = pytest.importorskip("numpy")
    figure = go.Figure(data=[go.Scatter(x=numpy.arange(50), y=numpy.linspace(0, 1e-5, 50)), go.Bar(y=[1, None, 1e20])])
    run = start()
    run.log({"c": figure, "deep": {"d": figure}})
    assert [fold(run).rows[0]["c"]["_type"], written(run, "c_")] == ["plotly-file", written(run, "d_")]
    assert json.loads(written(run, "c_")) == json.loads(figure.to_json())
    if (official := pytest.importorskip("wandb")) is not None:
        with open(official.Plotly(figure)._path, encoding="utf-8") as file:
            assert written(run, "c_") == file.read()


# -- matplotlib


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot

    yield matplotlib.pyplot
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("part", ["pyplot", "figure", "axes", "line"])
def test_parts_of_matplotlib_become_a_plotly_figure(part, pyplot):
    pytest.importorskip("plotly")
    figure, axes = pyplot.subplots()
    (line,) = axes.plot([1, 2], [3, 4])
    run = start()
    run.log({"c": {"pyplot": pyplot, "figure": figure, "axes": axes, "line": line}[part]})
    assert fold(run).rows[0]["c"]["_type"] == "plotly-file"
    assert json.loads(written(run, "c_"))["data"][0]["y"] == [3, 4]


def test_matplotlib_figure_with_an_image_becomes_a_picture(pyplot):
    figure, axes = pyplot.subplots(figsize=(2, 1), dpi=50)
    axes.imshow([[1, 2], [3, 4]])
    run = start()
    run.log({"c": figure})
    row = fold(run).rows[0]["c"]
    assert (row["_type"], row["width"], row["height"]) == ("image-file", 100, 50)


def test_matplotlib_figure_becomes_a_picture_where_plotly_is_missing(pyplot, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.tools", None)
    figure, axes = pyplot.subplots(figsize=(2, 1), dpi=50)
    axes.plot([1, 2])
    run = start()
    run.log({"c": axes})
    assert fold(run).rows[0]["c"]["_type"] == "image-file"


@pytest.mark.parametrize("part", ["pyplot", "figure", "axes", "line"])
def test_image_renders_any_part_of_matplotlib(part, pyplot):
    figure, axes = pyplot.subplots(figsize=(2, 1), dpi=50)
    (line,) = axes.plot([1, 2])
    run = start()
    run.log({"c": quipu.Image({"pyplot": pyplot, "figure": figure, "axes": axes, "line": line}[part])})
    row = fold(run).rows[0]["c"]
    assert (row["_type"], row["width"], row["height"]) == ("image-file", 100, 50)


def test_figure_without_axes_is_refused(pyplot):
    run = start()
    with pytest.raises(ValueError, match="no axes"):
        run.log({"a": 1, "c": pyplot})
    assert fold(run).rows == []


def test_plotting_libraries_are_not_loaded():
    done = script(
        """
        import sys
        import quipu
        run = quipu.init(project="p", settings={"console": "off"})
        run.log({"c": quipu.plot.roc_curve([0, 1], [[0.9, 0.1], [0.2, 0.8]]), "g": quipu.Graph()})
        run.finish()
        print({"numpy", "matplotlib", "plotly", "bokeh", "pandas", "sklearn"} & set(sys.modules))
        """
    )
    assert (done.returncode, done.stdout.strip()) == (0, "set()"), done.stderr


# -- Bokeh


def test_bokeh_figures_and_documents_are_written():
    plotting = pytest.importorskip("bokeh.plotting")
    from bokeh.document import Document

    figure = plotting.figure(width=100, height=80)
    figure.line([1, 2], [3.5, 4])
    run = start()
    run.log({"c": quipu.data_types.Bokeh(figure)})
    document = Document()
    document.add_root(figure)  # it is free to join another document
    run.log({"d": quipu.data_types.Bokeh(document), "e": quipu.data_types.Bokeh(figure)})
    assert [row[key]["_type"] for row, key in zip(fold(run).rows, "cd")] == ["bokeh-file"] * 2
    for name in ("c_", "d_", "e_"):
        assert json.loads(written(run, name))["roots"][0]["name"] == "Figure"


def test_bokeh_file_is_copied(tmp_path):
    path = tmp_path / "plot.bokeh.json"
    path.write_text('{ "roots": [] }')
    run = start()
    run.log({"c": quipu.data_types.Bokeh(path)})
    assert fold(run).rows[0]["c"]["path"].endswith(".bokeh.json")
    assert written(run, "c_") == '{ "roots": [] }'


@pytest.mark.parametrize("content", ["", "no JSON", "[]", "{}", '{"roots": 5}'])
def test_file_that_holds_no_bokeh_document_is_refused(content, tmp_path):
    path = tmp_path / "plot.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="path: "):
        quipu.data_types.Bokeh(path)


def test_bokeh_of_something_else_is_refused(tmp_path):
    with pytest.raises(TypeError, match="data_or_path"):
        quipu.data_types.Bokeh(5)
    with pytest.raises(FileNotFoundError, match="path: "):
        quipu.data_types.Bokeh(tmp_path / "missing.json")
    with pytest.raises(ValueError, match="does not end in .json"):
        quipu.data_types.Bokeh(tmp_path / "plot.html")


# -- graphs


def test_graph_is_written_as_it_is_when_it_is_logged():
    graph = quipu.Graph()
    one = graph.add_node(id=1, name="in", output_shape=(None, 3))
    graph.add_edge(one, graph.add_node(quipu.data_types.Node(id=2)))
    run = start()
    run.log({"c": graph})
    assert fold(run).rows[0]["c"]["_type"] == "graph-file"
    assert json.loads(written(run, "c_")) == {
        "format": "keras",
        "nodes": [{"name": "in", "id": 1, "output_shape": [None, 3]}, {"name": None, "id": 2}],
        "edges": [[1, 2]],
    }


def test_edge_to_a_node_that_is_not_there_is_refused():
    graph = quipu.Graph()
    graph.add_node(id=1)
    with pytest.raises(KeyError, match="id 2"):
        graph.add_edge(1, 2)
    with pytest.raises(TypeError, match="no member 'colour'"):
        graph.add_node(id=3, colour="red")


@pytest.mark.parametrize("is_sequence", [True, False])
def test_layers_of_a_keras_model_become_nodes(is_sequence):
    class Dense:
        def __init__(self, name, sources=()):
            self.name = name
            self.output = types.SimpleNamespace(shape=(None, 4))
            parents = [types.SimpleNamespace(operation=source) for source in sources]
            self._inbound_nodes = [] if is_sequence else [types.SimpleNamespace(parent_nodes=parents)]

        def count_params(self):
            return 12

    first = Dense("first")
    model = types.SimpleNamespace(layers=[first, Dense("second", [first])])
    graph = quipu.Graph.from_keras(model)
    assert [(node.id, node.class_name, node.num_parameters, node.output_shape) for node in graph.nodes] == [
        ("first", "Dense", 12, [None, 4]),
        ("second", "Dense", 12, [None, 4]),
    ]
    assert [(edge.from_node.id, edge.to_node.id) for edge in graph.edges] == [("first", "second")]
    with pytest.raises(TypeError, match="model"):
        quipu.Graph.from_keras(5)
