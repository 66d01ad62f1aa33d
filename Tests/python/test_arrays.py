"""Views of arrays: any layout, without a copy and without importing the library that made them."""

import array

import pytest
import quipu
import runs

numpy = pytest.importorskip("numpy")


def counts(value, bins=4):
    """What the library counts in an array, read from the log."""
    run = runs.start()
    run.log({"h": quipu.Histogram(value, num_bins=bins)})
    return runs.rows(run)[0]["h"]


@pytest.mark.parametrize("dtype", ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">i4", ">f8"])
def test_histogram_of_each_element_type_equals_numpy(dtype):
    values = (numpy.arange(20) % 7).astype(dtype)
    found = counts(values)
    wanted, edges = numpy.histogram(values.astype("u1") if dtype == "?" else values, bins=4)
    assert found["values"] == wanted.tolist()
    assert found["bins"] == edges.astype("f8").tolist()


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::2],
        lambda a: a[::-1],
        lambda a: a.T,
        lambda a: a[1:4, ::-2],
        lambda a: a[:, 0],
        lambda a: numpy.broadcast_to(a[0], (5, 6)),
        lambda a: numpy.asfortranarray(a),
    ],
)
def test_histogram_of_a_view_equals_that_of_a_copy(view):
    values = view(numpy.arange(36.0).reshape(6, 6))
    wanted, edges = numpy.histogram(values, bins=4)
    assert counts(values) == {"_type": "histogram", "values": wanted.tolist(), "bins": edges.tolist()}


def test_long_double_is_narrowed():
    assert counts(numpy.arange(8, dtype="longdouble"))["values"] == [2, 2, 2, 2]


def test_buffers_and_lists_are_arrays_too():
    assert counts(array.array("f", [0, 1, 2, 4]))["values"] == [1, 1, 1, 1]
    assert counts(memoryview(b"\x00\x01\x02\x04"))["values"] == [1, 1, 1, 1]
    assert counts([[0, 1], [2, 4.0]])["values"] == [1, 1, 1, 1]
    assert counts((0, 1, 2, 4))["values"] == [1, 1, 1, 1]
    assert counts([2**70, 0])["values"] == [1, 0, 0, 1]


def test_dlpack_objects_are_read_where_they_lie():
    class Tensor:
        """Only what DLPack asks for."""

        def __init__(self, value):
            self.value = value
            self.shape = value.shape

        def __dlpack__(self, **options):
            return self.value.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.value.__dlpack_device__()

    assert counts(Tensor(numpy.array([0.0, 1.0, 2.0, 4.0])))["values"] == [1, 1, 1, 1]
    assert counts(Tensor(numpy.arange(8.0)[::2]))["values"] == [1, 1, 1, 1]


def test_array_of_more_than_32_elements_is_a_histogram_in_a_row_and_statistics_in_the_summary():
    values = numpy.arange(100.0)
    run = runs.start()
    run.log({"a": values, "nest": {"b": values}})
    run.summary["s"] = values
    found = runs.fold(run)
    assert found.rows[0]["a"]["_type"] == "histogram" and len(found.rows[0]["a"]["values"]) == 32
    assert found.rows[0]["nest"]["b"] == found.rows[0]["a"]
    assert found.summary()["s"]["_type"] == "numpy.ndarray" and found.summary()["s"]["mean"] == 49.5


def test_not_finite_large_array_is_a_value_error():
    run = runs.start()
    with pytest.raises(ValueError) as caught:
        run.log({"a": numpy.full(40, numpy.nan)})
    assert caught.value.kind == "histogram_not_finite"
    assert runs.rows(run) == []


def test_tensors_are_detached_brought_to_the_host_and_read_channels_first():
    steps = []

    class Tensor:
        """What the binding uses of a torch tensor."""

        def __init__(self, value):
            self.value = value
            self.shape = value.shape

        def dim(self):
            return self.value.ndim

        def detach(self):
            steps.append("detach")
            return self

        def cpu(self):
            steps.append("cpu")
            return self

        def tolist(self):
            return self.value.tolist()

        def item(self):
            return self.value.item()

        def __dlpack__(self, **options):
            return self.value.__dlpack__(**options)

    Tensor.__module__ = "torch"
    run = runs.start()
    run.log({"i": quipu.Image(Tensor(numpy.zeros((3, 4, 5), "u1"))), "s": Tensor(numpy.array(2.5)),
             "l": Tensor(numpy.arange(3.0)), "h": Tensor(numpy.arange(40.0))})  # fmt: skip
    row = runs.rows(run)[0]
    assert (row["i"]["width"], row["i"]["height"]) == (5, 4)
    assert row["s"] == 2.5 and row["l"] == [0, 1, 2] and row["h"]["_type"] == "histogram"
    assert "detach" in steps and "cpu" in steps


def test_histogram_gives_lists_where_nobody_uses_numpy(tmp_path):
    done = runs.script(
        """
        import array, sys
        import quipu

        print(quipu.histogram(array.array("f", [0, 1, 2, 4]), 2))
        print(quipu.histogram([1, 2, 3], [1, 2.5, 3], weights=[1, 2, 4]))
        print(quipu.histogram([True, False, True], 2, density=True))
        print("numpy" in sys.modules)
        """,
        cwd=str(tmp_path),
    )
    assert done.stdout.splitlines() == [
        "([2, 2], [0.0, 2.0, 4.0])", "([3, 4], [1.0, 2.5, 3.0])", "([0.6666666666666666, 1.3333333333333333], "
        "[0.0, 0.5, 1.0])", "False",
    ], done.stderr  # fmt: skip


def test_histogram_of_a_list_of_numpy_scalars_has_their_type():
    values = [numpy.float32(x) for x in (0.1, 0.2, 0.7)]
    counts, edges = quipu.histogram(values, 3)
    wanted = numpy.histogram(values, 3)
    assert edges.dtype == wanted[1].dtype == "f4" and edges.tolist() == wanted[1].tolist()
    assert counts.tolist() == wanted[0].tolist()


def test_skipped_values_are_counted_in_the_row():
    run = runs.start()
    values = numpy.array([[1, numpy.nan], [3, numpy.inf]])
    run.log({"h": quipu.Histogram(values, num_bins=2, skip_nonfinite=True)})
    assert runs.rows(run)[0]["h"] == {"_type": "histogram", "values": [1, 1], "bins": [1, 2, 3], "skipped": 2}


@pytest.mark.parametrize(
    ("named", "error", "text"),
    [
        ({"bins": 0}, ValueError, "bins"),
        ({"bins": 513}, ValueError, "bins"),
        ({"bins": 2.5}, TypeError, "bins"),
        ({"bins": "often"}, ValueError, "often"),
        ({"bins": [[1, 2], [3, 4]]}, ValueError, "bins"),
        ({"bins": [3, 2, 1]}, ValueError, "edges"),
        ({"bins": numpy.zeros((2, 2))}, ValueError, "edges"),
        ({"range": 5}, ValueError, "range"),
        ({"range": (1, 2, 3)}, ValueError, "range"),
        ({"range": ("a", "b")}, TypeError, "range"),
        ({"range": (2, 1)}, ValueError, "range"),
        ({"range": (0, numpy.nan)}, ValueError, "range"),
        ({"weights": [1, 2]}, ValueError, "weights"),
        ({"weights": "heavy"}, TypeError, "weights"),
        ({"bins": "auto", "weights": [1.0, 2.0, 3.0]}, TypeError, "weights"),
    ],
)
def test_bad_options_are_refused_with_their_name_and_log_nothing(named, error, text):
    run = runs.start()
    with pytest.raises(error, match=text):
        run.log({"x": 1, "h": quipu.Histogram([1.0, 2.0, 3.0], **named)})
    assert runs.rows(run) == []
