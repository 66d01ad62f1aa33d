"""How Python values become JSON, without a run."""

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import types
import uuid

import pytest
from quipu import _convert


def row(value):
    return json.loads(_convert.text(_convert.Row().value(value)))


class Color(enum.Enum):
    RED = 7


@dataclasses.dataclass
class Point:
    x: int
    y: object = None


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (b"hello", "hello"),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (frozenset({"a"}), ["a"]),
        (collections.deque([1, 2]), [1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ((n * n for n in range(3)), [0, 1, 4]),
        (iter([1, 2]), [1, 2]),
        (map(abs, [-1]), [1]),
        (datetime.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05"),
        (datetime.datetime(2024, 1, 2, 3, 4, 5, 60), "2024-01-02T03:04:05.000060"),
        (datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc), "2024-01-02T00:00:00Z"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.timedelta(days=1, hours=2, seconds=3.5), "P1DT2H3.5S"),
        (datetime.timedelta(0), "PT0S"),
        (Color.RED, 7),
        (decimal.Decimal("1.50"), "1.50"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (1 + 2j, "1+2j"),
        (Point(1, Point(2)), {"x": 1, "y": {"x": 2, "y": None}}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        ({1: 2, 1.5: 3, True: 4, None: 5}, {"1": 4, "1.5": 3, "None": 5}),
        (int, "builtins.int"),
        (json.dumps, "json.dumps"),
        (array.array("d", [1.5, 2.5]), [1.5, 2.5]),
        (memoryview(b"\x01\x02"), [1, 2]),
    ],
)
def test_value_is_stored_as(value, stored):
    assert row(value) == stored


@pytest.mark.parametrize("value", [range(3), object(), Ellipsis, types.SimpleNamespace(a=1)])
def test_value_is_refused(value):
    with pytest.raises(TypeError) as caught:
        row(value)
    assert caught.value.kind == "not_serializable"


def test_bytes_that_are_not_text_are_refused():
    with pytest.raises(ValueError):
        row(b"\xff\xfe")


def test_lone_surrogate_does_not_break_the_text():
    assert row("a\ud800b") == "a\ud800b"
    _convert.text({"k\udfff": "\ud83d"}).decode("utf-8")


def test_special_floats_are_bare():
    text = _convert.text(_convert.Row().value([float("nan"), float("inf"), float("-inf")]))
    assert text == b"[NaN,Infinity,-Infinity]"


def test_config_has_its_own_rules():
    def config(value):
        return json.loads(_convert.text(_convert.Config().value(value)))

    assert config(float("nan")) is None
    assert config([float("nan"), float("inf")]) == [None, float("inf")]
    assert config(Color.RED) == "RED"
    assert config(range(3)) == [0, 1, 2]
    assert config(slice(1, 2)) == {"slice_start": 1, "slice_step": None, "slice_stop": 2}
    assert config(types.SimpleNamespace(a=1)) == "namespace(a=1)"


def test_summary_refuses_keys_that_are_no_text():
    with pytest.raises(TypeError) as caught:
        _convert.Summary().value({1: "one"})
    assert caught.value.kind == "summary_key_not_str"


def test_numpy_scalars_and_small_arrays_need_no_numpy_import():
    numpy = pytest.importorskip("numpy")
    assert row(numpy.float32(0.1)) == 0.10000000149011612
    assert row(numpy.float16(0.1)) == 0.0999755859375
    assert row(numpy.uint64(2**64 - 1)) == 1.8446744073709552e19
    assert row(numpy.bool_(True)) is True
    assert row(numpy.str_("x")) == "x"
    assert row(numpy.array(3.5)) == 3.5
    assert row(numpy.array([[3]])) == 3
    assert row(numpy.arange(6).reshape(2, 3)) == [[0, 1, 2], [3, 4, 5]]
    assert row(numpy.array(["a", "b"])) == ["a", "b"]
    assert row(numpy.array([])) == []
    assert row({"a": [numpy.int8(-1), numpy.array([1, 2])]}) == {"a": [-1, [1, 2]]}


def test_large_array_of_texts_is_refused():
    numpy = pytest.importorskip("numpy")
    with pytest.raises(TypeError):
        row(numpy.array(["a"] * 40))
