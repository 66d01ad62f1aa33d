"""Image, Histogram, Object3D, Table from Python."""

import io
import json
import os

import pytest
import quipu
import runs


def logged(value, key="v"):
    run = runs.start()
    run.log({key: value})
    return runs.rows(run)[0][key], run


def content(run, value):
    return open(os.path.join(run.dir, value["path"]), "rb").read()


def test_image_from_an_array_is_a_png_with_those_pixels():
    numpy = pytest.importorskip("numpy")
    PIL = pytest.importorskip("PIL.Image")
    pixels = numpy.arange(60, dtype="u1").reshape(4, 5, 3)
    value, run = logged(quipu.Image(pixels, caption="c"))
    assert (value["_type"], value["width"], value["height"], value["caption"]) == ("image-file", 5, 4, "c")
    assert (numpy.asarray(PIL.open(io.BytesIO(content(run, value)))) == pixels).all()


def test_image_refuses_what_is_no_picture():
    with pytest.raises(ValueError):
        quipu.Image(memoryview(bytes(24)).cast("B", (2, 3, 4)).cast("B").cast("B", (2, 2, 6)))
    with pytest.raises(FileNotFoundError):
        quipu.Image("missing.png")
    with pytest.raises(AttributeError):
        quipu.Image([[1, 2], [3, 4]])
    with pytest.raises(ValueError):
        quipu.Image(memoryview(bytes(4)).cast("B", (2, 2)), file_type="gif")


def test_image_of_an_image_keeps_caption_and_file():
    first = quipu.Image(memoryview(bytes(4)).cast("B", (2, 2)), caption="first")
    value, _ = logged(quipu.Image(first, caption="ignored"))
    assert value["caption"] == "first"


def test_list_of_images_is_one_value_and_mixed_lists_are_refused():
    pictures = [quipu.Image(memoryview(bytes([n] * 4)).cast("B", (2, 2))) for n in range(3)]
    value, _ = logged(pictures)
    assert value["_type"] == "images/separated" and value["count"] == 3
    run = runs.start()
    for bad in ([pictures[0], 1], [[pictures[0]]], [{"a": pictures[0]}]):
        with pytest.raises(TypeError):
            run.log({"v": bad})
    assert runs.rows(run) == []


def test_media_deep_in_a_dictionary_are_found():
    value, _ = logged({"a": {"b": quipu.Histogram([1, 2], num_bins=2)}})
    assert value["a"]["b"] == {"_type": "histogram", "values": [1, 1], "bins": [1, 1.5, 2]}


def test_ready_made_histogram_is_kept():
    value, _ = logged(quipu.Histogram(np_histogram=([1, 2.5], [0, 1, 2])))
    assert value == {"_type": "histogram", "values": [1, 2.5], "bins": [0, 1, 2]}


def test_counts_and_edges_of_a_histogram_can_be_read():
    histogram = quipu.Histogram([0, 1, 1, 2], num_bins=2)
    assert histogram.histogram == [1, 3] and histogram.bins == [0, 1, 2]
    ready = quipu.Histogram(np_histogram=([1, float("inf")], [0, 1, 2]))
    assert ready.histogram == [1, float("inf")] and ready.bins == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, TypeError),
        ({"sequence": "abc"}, TypeError),
        ({"sequence": [1, None]}, TypeError),
        ({"sequence": [1.0, float("nan")]}, ValueError),
        ({"sequence": [1, 2], "num_bins": 0}, ValueError),
        ({"sequence": [1, 2], "num_bins": 513}, ValueError),
        ({"sequence": [1, 2], "num_bins": 2.5}, TypeError),
        ({"np_histogram": ([1], [0, 1], 3)}, ValueError),
        ({"np_histogram": ([1, 2], [0, 1])}, ValueError),
    ],
)
def test_histogram_refuses(arguments, error):
    with pytest.raises(error):
        quipu.Histogram(**arguments)


def test_point_cloud_scene_and_file():
    numpy = pytest.importorskip("numpy")
    value, run = logged(quipu.Object3D(numpy.array([[1, 2, 3], [4, 5, 6]])))
    assert value["_type"] == "object3D-file" and json.loads(content(run, value)) == [[1, 2, 3], [4, 5, 6]]
    box = quipu.box3d([0, 0, 0], [1, 1, 1], [1, 0, 0, 0], [255, 0, 0], label="x", score=0.5)
    assert list(box) == ["corners", "color", "label", "score"] and box["corners"][0] == [-0.5, -0.5, -0.5]
    value, run = logged(quipu.Object3D.from_point_cloud([[1, 2, 3]], [box]))
    assert json.loads(content(run, value))["boxes"] == [box]
    value, run = logged(quipu.Object3D(io.StringIO("v 0 0 0\n"), file_type="obj"))
    assert content(run, value) == b"v 0 0 0\n" and value["path"].endswith(".obj")


@pytest.mark.parametrize("bad", [[[1, 2, 3]], 5, "model.ply", {"type": "lidar"}, io.StringIO("v")])
def test_object3d_refuses(bad):
    with pytest.raises(ValueError):
        quipu.Object3D(bad)


def test_table_rows_columns_and_reading():
    table = quipu.Table(columns=["a", "b"], data=[[1, "x"]])
    table.add_data(2, "y")
    table.add_column("c", [1.5, None], optional=True)
    table.add_computed_columns(lambda index, row: {"d": row["a"] * 10 + index})
    assert table.get_column("a") == [1, 2] and table.get_column("d") == [10, 21]
    assert [(index, row[0]) for index, row in table.iterrows()] == [(0, 1), (1, 2)]
    value, run = logged(table)
    assert (value["_type"], value["nrows"], value["ncols"]) == ("table-file", 2, 4)
    assert json.loads(content(run, value)) == {
        "columns": ["a", "b", "c", "d"], "data": [[1, "x", 1.5, 10], [2, "y", None, 21]],
    }  # fmt: skip


def test_table_refuses_rows_that_do_not_fit_and_stays_as_it_was():
    table = quipu.Table(columns=["a", "b"], data=[[1, "x"]])
    with pytest.raises(TypeError):
        table.add_data("text", "y")
    with pytest.raises(ValueError):
        table.add_data(1)
    with pytest.raises(AssertionError):
        table.add_column("a", [1])
    with pytest.raises(AssertionError):
        table.add_column("c", [1, 2])
    with pytest.raises(AssertionError):
        quipu.Table(columns=("a",))
    with pytest.raises(AssertionError):
        quipu.Table(columns=["a"], log_mode="SOMETIMES")
    assert table.data == [[1, "x"]] and table.columns == ["a", "b"]


def test_table_holds_media_and_all_kinds_of_cells():
    import datetime

    table = quipu.Table(columns=["v"], allow_mixed_types=True)
    image = quipu.Image(memoryview(bytes(4)).cast("B", (2, 2)))
    cells = [None, True, 2**70, "x", [1, [2]], (1,), {"$q": "np", "v": 1}, {"k": {"$quipu": 1}}, b"ab", image,
             datetime.datetime(2024, 1, 2), datetime.date(2024, 1, 2)]  # fmt: skip
    for cell in cells:
        table.add_data(cell)
    value, run = logged(table)
    data = [row[0] for row in json.loads(content(run, value))["data"]]
    assert data[:2] == [None, True]
    assert data[3:9] == ["x", [1, [2]], [1], {"$q": "np", "v": 1}, {"k": {"$quipu": 1}}, [97, 98]]
    assert data[9] == "Image" and data[10:] == ["2024-01-02T00:00:00", "2024-01-02"]


def test_media_may_be_dropped_right_after_logging():
    run = runs.start()
    for n in range(20):
        image = quipu.Image(memoryview(bytes([n] * 400)).cast("B", (20, 20)))
        run.log({"i": image, "t": quipu.Table(columns=["a"], data=[[n]])})
        del image
    found = runs.fold(run)
    assert len(found.rows) == 20
    for row in found.rows:
        assert os.path.exists(os.path.join(run.dir, row["i"]["path"]))
        assert os.path.exists(os.path.join(run.dir, row["t"]["path"]))
    assert run.stats()["values_dropped"] == 0
