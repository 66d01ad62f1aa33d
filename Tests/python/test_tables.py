"""Tables from columns and dataframes, row limits, what a log call refuses."""

import array
import datetime
import json
import os

import pytest
import quipu
import runs


def logged(table, **arguments):
    run = runs.start(**arguments)
    run.log({"t": table})
    fold = runs.fold(run)
    value = fold.rows[0]["t"]
    with open(os.path.join(run.dir, value["path"]), encoding="utf-8") as file:
        own = json.load(file)
    entry = next(e for e in fold.artifacts[0]["manifest"]["contents"] if e["path"] == "t.table.json")
    with open(entry["local_path"], encoding="utf-8") as file:
        return own, json.load(file), value


def types(artifact):
    return {
        name: [part["wb_type"] for part in kind["params"]["allowed_types"]] if kind["wb_type"] == "union" else kind["wb_type"]
        for name, kind in artifact["column_types"]["params"]["type_map"].items()
    }


def test_many_rows_and_few_rows_make_the_same_table():
    nan = float("nan")
    rows = [
        [1, 0.5, "x", True, None, "a" if n % 3 else nan, n if n % 2 else None, [n], 2**70 if n == 3 else n, {"k": n},
         None if n == 5 else 2**70]
        for n in range(40)
    ]
    names = [f"c{n}" for n in range(len(rows[0]))]
    at_once = quipu.Table(columns=names, data=rows)
    one_by_one = quipu.Table(columns=names)
    for row in rows:
        one_by_one.add_data(*row)
    a, b = logged(at_once), logged(one_by_one)
    assert json.dumps(a[:2]) == json.dumps(b[:2])


def test_a_list_of_many_rows_with_one_bad_cell_is_refused_as_a_whole():
    table = quipu.Table(columns=["a", "b"], data=[[1, "x"]])
    with pytest.raises(TypeError, match="column 'b'"):
        table._extend([[n, "x" if n != 30 else n] for n in range(40)])
    assert len(table) == 1 and table.data == [[1, "x"]]
    with pytest.raises(ValueError, match="2 cells"):
        quipu.Table(columns=["a", "b"], data=[[1, 2]] * 30 + [[1]])


def test_data_of_columns_becomes_rows_when_asked_for():
    numpy = pytest.importorskip("numpy")
    values = numpy.arange(6.0).reshape(3, 2)
    table = quipu.Table(columns=["x", "y"], data=values)
    values[0, 0] = 99  # the table has a copy
    table.add_column("s", ["a", "b", "c"])
    assert len(table) == 3 and table.get_column("s") == ["a", "b", "c"]
    assert table.data == [[0.0, 1.0, "a"], [2.0, 3.0, "b"], [4.0, 5.0, "c"]]
    table.add_data(6.0, 7.0, "d")
    own, artifact, value = logged(table)
    assert own["data"][3] == [6.0, 7.0, "d"] and value["nrows"] == 4
    assert types(artifact) == {"x": ["none", "number"], "y": ["none", "number"], "s": "string"}


def test_columns_keep_nulls_nans_and_integers_beyond_64_bits():
    numpy = pytest.importorskip("numpy")
    table = quipu.Table(columns=[])
    table.add_column("u", numpy.array([1, 2**64 - 1, 3], "u8"))
    table.add_column("b", numpy.array([True, False, True]))
    table.add_column("h", numpy.array([0.5, numpy.nan, numpy.inf], "f2"))
    table.add_column("p", array.array("i", [1, 2, 3]))
    table.add_column("n", [1.5, None, float("nan")], optional=True)
    table.add_column("m", numpy.arange(6).reshape(3, 2))
    own, artifact, _ = logged(table)
    assert json.dumps(own["data"]) == (
        "[[1, true, 0.5, 1, 1.5, [0, 1]], [18446744073709551615, false, NaN, 2, null, [2, 3]],"
        " [3, true, Infinity, 3, NaN, [4, 5]]]"
    )
    assert types(artifact)["n"] == ["none", "number"] and types(artifact)["m"] == "list"


def test_points_in_time_of_numpy_are_written_in_both_forms():
    numpy = pytest.importorskip("numpy")
    table = quipu.Table(columns=[])
    for unit in ("D", "s", "ms", "us", "ns"):
        table.add_column(unit, numpy.array(["1969-12-31T23:59:58", "2024-02-29T01:02:03", "NaT"], f"datetime64[{unit}]"))
    own, artifact, _ = logged(table)
    assert own["data"][0] == ["1969-12-31"] + ["1969-12-31T23:59:58"] * 3 + [-2_000_000_000]
    assert artifact["data"][1] == [1709164800000] + [1709168523000] * 4
    assert own["data"][2] == [None] * 5 and set(types(artifact).values()) == {"timestamp"}


def test_pandas_cells_are_what_the_client_makes_of_them():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({
        "i": [1, 2], "f": [0.5, float("nan")], "s": ["x", None], "n": pandas.array([1, None], "Int64"),
        "c": pandas.Categorical(["u", "v"]), "t": pandas.to_datetime(["2024-01-02T00:00:00", "2024-01-03T04:05:06"]),
    })  # fmt: skip
    own, artifact, _ = logged(quipu.Table(dataframe=frame))
    assert json.dumps(own["data"]) == (
        '[[1, 0.5, "x", 1, "u", "2024-01-02T00:00:00"], [2, NaN, NaN, null, "v", "2024-01-03T04:05:06"]]'
    )
    assert artifact["data"][1][:4] == [2, None, None, None]


def test_polars_comes_through_arrow_with_all_its_types():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({
        "a": [1, None, 3], "s": ["x", "a text longer than twelve bytes", None], "l": [[1, None], None, []],
        "d": [{"k": None}, None, {"k": 2}], "b": [True, None, False], "t": [datetime.datetime(1950, 1, 1), None, None],
        "day": [datetime.date(2024, 2, 29), None, None],
    })  # fmt: skip
    table = quipu.Table(dataframe=frame.head(3))
    assert table.columns == frame.columns and len(table) == 3
    assert table.data == [list(row) for row in frame.rows()]
    own, artifact, _ = logged(table)
    assert own["data"] == [
        [1, "x", [1, None], {"k": None}, True, "1950-01-01T00:00:00", "2024-02-29"],
        [None, "a text longer than twelve bytes", None, None, None, None, None],
        [3, None, [], {"k": 2}, False, None, None],
    ]
    assert artifact["data"][0][5] == -631152000000
    sliced, _, _ = logged(quipu.Table(data=frame.slice(1, 2)))
    assert sliced["data"] == own["data"][1:]


def test_pyarrow_tables_of_several_chunks_and_categories():
    pyarrow = pytest.importorskip("pyarrow")
    frame = pyarrow.table({
        "n": pyarrow.chunked_array([[1, 2], [], [None]]),
        "s": pyarrow.chunked_array([["x", None], [], ["zz"]]),
        "c": pyarrow.array(["u", "v", "u"]).dictionary_encode(),
        "m": pyarrow.array([[("k", 1)], None, []], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
    })  # fmt: skip
    own, _, _ = logged(quipu.Table(dataframe=frame))
    assert own["data"] == [[1, "x", "u", {"k": 1}], [2, None, "v", None], [None, "zz", "u", {}]]
    again, _, _ = logged(quipu.Table(dataframe=frame.slice(2)))
    assert again["data"] == own["data"][2:]


def test_a_stream_that_is_used_up_or_of_another_type_is_refused():
    pyarrow = pytest.importorskip("pyarrow")
    frame = pyarrow.table({"a": [1]})

    class Once:
        stream = frame.__arrow_c_stream__()

        def __arrow_c_stream__(self, requested_schema=None):
            return self.stream

    assert len(quipu.Table(dataframe=Once())) == 1
    with pytest.raises(ValueError, match="stream"):
        quipu.Table(dataframe=Once())
    union = pyarrow.UnionArray.from_sparse(pyarrow.array([0], pyarrow.int8()), [pyarrow.array([1])])
    with pytest.raises(TypeError, match="column 'u'"):
        quipu.Table(dataframe=pyarrow.table({"u": union}))
    with pytest.raises(TypeError, match="column 'a'"):
        quipu.Table(dataframe=pyarrow.table({"a": [1, None]}), optional=False)
    with pytest.raises(AssertionError, match="dataframe"):
        quipu.Table(dataframe=[[1]])


def test_the_interchange_protocol_where_there_is_no_stream():
    pyarrow = pytest.importorskip("pyarrow")
    frame = pyarrow.table({
        "i": pyarrow.array([1, None, 3], pyarrow.int16()), "f": [0.5, float("nan"), None], "s": ["x", None, "\u00e9"],
        "b": [True, None, False], "c": pyarrow.array(["u", "v", None]).dictionary_encode(),
        "t": pyarrow.array([0, 1_500_000, None], pyarrow.timestamp("us")),
    })  # fmt: skip

    class Protocol:
        def __dataframe__(self, nan_as_null=False, allow_copy=True):
            return frame.__dataframe__(allow_copy=allow_copy)

    own, _, _ = logged(quipu.Table(dataframe=Protocol()))
    assert json.dumps(own["data"]) == json.dumps([
        [1, 0.5, "x", True, "u", "1970-01-01T00:00:00"], [None, float("nan"), None, None, "v", "1970-01-01T00:00:01.500000"],
        [3, None, "\u00e9", False, None, None],
    ])  # fmt: skip


def test_row_limits_are_settings_and_attributes():
    settings = {"console": "off", "table_max_rows": 2, "table_max_artifact_rows": 3}
    own, artifact, value = logged(quipu.Table(columns=["a"], data=[[n] for n in range(5)]), settings=settings)
    assert own["data"] == [[0], [1]] and artifact["data"] == [[0], [1], [2]] and value["nrows"] == 5

    class Wide(quipu.Table):
        MAX_ROWS = 4

    own, artifact, _ = logged(Wide(columns=["a"], data=[[n] for n in range(5)]), settings=settings)
    assert len(own["data"]) == 4 and len(artifact["data"]) == 200_000 or len(artifact["data"]) == 5


@pytest.mark.parametrize("setting", ["strict", "table_raise_on_max_row_limit_exceeded"])
def test_strict_settings_refuse_long_tables_at_the_call(setting):
    run = runs.start(settings={"console": "off", "table_max_artifact_rows": 3, setting: True})
    table = quipu.Table(columns=["a"], data=[[n] for n in range(3)], log_mode="MUTABLE")
    run.log({"t": table})
    table.add_data(3)
    with pytest.raises(ValueError, match="4 rows"):
        run.log({"t": table})
    assert len(runs.rows(run)) == 1


def test_gaps_among_stored_arrays_are_refused_at_the_call():
    numpy = pytest.importorskip("numpy")
    table = quipu.Table(columns=["a"], data=[[numpy.ones((2, 2))], [None]])
    run = runs.start()
    with pytest.raises(ValueError, match="column 'a'"):
        run.log({"t": table})
    fold = runs.fold(run)
    assert fold.rows == [] and fold.artifacts == [] and fold.files == []


def test_immutable_table_that_is_not_written_again_may_hold_what_no_file_could():
    numpy = pytest.importorskip("numpy")
    run = runs.start()
    table = quipu.Table(columns=["a"], data=[[numpy.ones((2, 2))]])
    run.log({"t": table})
    table.add_data(None)
    run.log({"t": table})
    first, second = (row["t"] for row in runs.rows(run))
    assert (first["nrows"], second["nrows"]) == (1, 2) and first["path"] == second["path"]
