"""log(): the fast path, the long way, and that both mean the same."""

import threading

import pytest
import quipu
import runs


def test_numbers_of_all_three_types_roundtrip_on_the_fast_path():
    run = runs.start()
    run.log({"loss": 0.5, "count": 7, "ok": True})
    run.log({"loss": float("inf"), "count": -(2**63), "ok": False})
    assert runs.rows(run) == [
        {"loss": 0.5, "count": 7, "ok": True, "_step": 0},
        {"loss": float("inf"), "count": -(2**63), "ok": False, "_step": 1},
    ]


def test_booleans_stay_booleans():
    run = runs.start()
    run.log({"a": True})
    run.log({"a": 1})
    first, second = runs.rows(run)
    assert first["a"] is True
    assert second["a"] == 1 and second["a"] is not True


def test_integer_beyond_64_bits_takes_the_long_way_and_becomes_a_float():
    run = runs.start()
    run.log({"a": 1})
    run.log({"a": 2**63})
    run.log({"a": 10**400})
    assert [row["a"] for row in runs.rows(run)] == [1, float(2**63), float("inf")]


def test_same_keys_with_other_types_are_not_confused():
    run = runs.start()
    for value in (1, 1.5, True, "text", None, [1], 2):
        run.log({"a": value})
    assert [row["a"] for row in runs.rows(run)] == [1, 1.5, True, "text", None, [1], 2]


def test_order_of_keys_does_not_mix_values():
    run = runs.start()
    run.log({"a": 1.0, "b": 2.0})
    run.log({"b": 3.0, "a": 4.0})
    first, second = runs.rows(run)
    assert (first["a"], first["b"]) == (1.0, 2.0)
    assert (second["a"], second["b"]) == (4.0, 3.0)


def test_subclasses_of_float_and_int_are_accepted():
    class Meters(float):
        pass

    class Count(int):
        pass

    run = runs.start()
    run.log({"m": Meters(1.5), "n": Count(3)})
    assert runs.rows(run) == [{"m": 1.5, "n": 3, "_step": 0}]


@pytest.mark.parametrize("step", [True, 1.0, "1", [1]])
def test_step_that_is_no_integer_is_rejected_and_drops_the_call(step):
    run = runs.start()
    for data in ({"a": 1.0}, {"a": "text"}):
        with pytest.raises(TypeError) as caught:
            run.log(data, step=step)
        assert caught.value.kind == "step_not_int"
    assert runs.rows(run) == []


def test_numpy_integers_are_steps():
    numpy = pytest.importorskip("numpy")
    run = runs.start()
    run.log({"a": 1.0}, step=numpy.int64(4), commit=True)
    run.log({"a": "x"}, step=numpy.uint8(9), commit=True)
    assert [row["_step"] for row in runs.rows(run)] == [4, 9]


def test_negative_step_is_dropped_with_the_low_step_warning():
    seen = []
    quipu._terminal.observers.append(lambda level, kind, text: seen.append(kind))
    try:
        run = quipu.init(project="p", settings={"console": "off", "silent": False, "quiet": True})
        run.log({"a": 1.0}, step=-1)
        run.log({"a": "x"}, step=-5)
        assert runs.rows(run) == []
        assert seen.count("step_too_low") == 2
    finally:
        quipu._terminal.observers.clear()


def test_step_beyond_64_bits_is_rejected():
    run = runs.start()
    with pytest.raises(ValueError):
        run.log({"a": 1.0}, step=2**63)
    assert runs.rows(run) == []


@pytest.mark.parametrize("data", [[1], "x", None, 5, [("a", 1)]])
def test_data_that_is_no_dictionary_is_rejected(data):
    run = runs.start()
    with pytest.raises(TypeError) as caught:
        run.log(data)
    assert caught.value.kind == "log_not_dict"


@pytest.mark.parametrize("key", [1, None, b"x", ("a",)])
def test_key_that_is_no_text_is_rejected(key):
    run = runs.start()
    with pytest.raises(TypeError) as caught:
        run.log({key: 1.0})
    assert caught.value.kind == "log_key_not_str"


def test_empty_key_is_dropped_with_its_value():
    run = runs.start()
    run.log({"": 1.0, "a": 2.0})
    assert runs.rows(run) == [{"a": 2.0, "_step": 0}]


def test_keys_with_unusual_characters_roundtrip():
    keys = ["a b", "a.b", "a/b", "ключ", "🦊", "nul\0in", "quote\"", "new\nline"]
    run = runs.start()
    run.log({key: float(n) for n, key in enumerate(keys)})
    row = runs.rows(run)[0]
    assert {key: row[key] for key in keys} == {key: float(n) for n, key in enumerate(keys)}


def test_many_different_shapes_do_not_fill_memory_and_still_log():
    run = runs.start()
    for n in range(1500):
        run.log({f"key{n}": float(n)})
    assert len(quipu._run._shapes) <= quipu._run._SHAPES_MAX
    found = runs.rows(run)
    assert len(found) == 1500 and found[1499]["key1499"] == 1499.0


def test_user_value_that_looks_like_a_media_mark_is_kept():
    run = runs.start()
    run.log({"a": {"$quipu": 0}})
    run.log({"$quipu": 3})
    run.log({"a": [{"$quipu": 0}]})
    found = runs.rows(run)
    assert found[0]["a"] == {"$quipu": 0}
    assert found[1]["$quipu"] == 3
    assert found[2]["a"] == [{"$quipu": 0}]


def test_threads_lose_no_row():
    run = runs.start()

    def work(name):
        for n in range(500):
            run.log({name: float(n)} if n % 2 else {name: float(n), "text": "x"})

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = runs.rows(run)
    assert len(found) == 2000
    for n in range(4):
        assert [row[f"t{n}"] for row in found if f"t{n}" in row] == [float(v) for v in range(500)]


def test_error_in_a_value_drops_the_whole_call():
    run = runs.start()
    with pytest.raises(TypeError) as caught:
        run.log({"a": 1, "b": object()})
    assert caught.value.kind == "not_serializable" and "object" in str(caught.value)
    run.log({"a": 2})
    assert runs.rows(run) == [{"a": 2, "_step": 0}]


def test_nesting_beyond_the_limit_is_an_error_and_not_a_crash():
    deep = value = {}
    for _ in range(2000):
        value["a"] = {}
        value = value["a"]
    run = runs.start()
    with pytest.raises(ValueError):
        run.log({"deep": deep})
    cycle = []
    cycle.append(cycle)
    with pytest.raises(ValueError):
        run.log({"cycle": cycle})
    assert runs.rows(run) == []
