"""config and summary as objects."""

import argparse

import pytest
import quipu
import runs


def test_config_by_item_and_attribute():
    run = runs.start(config={"a": 1, "nest": {"b": [1, 2]}})
    run.config["c"] = 3
    run.config.d = 4
    assert (run.config["a"], run.config.nest["b"], run.config.c, run.config.get("d")) == (1, [1, 2], 3, 4)
    assert run.config.get("z", 9) == 9 and "a" in run.config and "z" not in run.config
    assert dict(run.config) == {"a": 1, "nest": {"b": [1, 2]}, "c": 3, "d": 4}
    assert sorted(run.config.keys()) == ["a", "c", "d", "nest"] and len(run.config) == 4
    assert runs.fold(run).config() == {"a": 1, "nest": {"b": [1, 2]}, "c": 3, "d": 4}


def test_config_refuses_changes_without_permission():
    run = runs.start(config={"a": 1})
    with pytest.raises(quipu.ConfigError) as caught:
        run.config.update({"a": 2, "b": 3})
    assert caught.value.kind == "config_value_changed" and caught.value.code == -204
    assert "b" not in run.config
    run.config.update({"a": 2}, allow_val_change=True)
    assert run.config.a == 2


def test_init_permission_allows_changes():
    run = runs.start(config={"a": 1}, allow_val_change=True)
    run.config["a"] = 2
    assert run.config["a"] == 2


def test_config_takes_namespaces_and_strips_dashes():
    run = runs.start(config=argparse.Namespace(lr=0.1))
    run.config.update({"--steps": 5})
    assert run.config.lr == 0.1 and run.config.steps == 5


@pytest.mark.parametrize("bad", [[1, 2], 5, "missing.yaml"])
def test_config_refuses_what_is_no_config(bad):
    with pytest.raises((TypeError, quipu.ConfigError)):
        runs.start(config=bad)


def test_config_refuses_media_and_keys_that_are_no_text():
    run = runs.start()
    with pytest.raises(TypeError) as caught:
        run.config["h"] = quipu.Histogram([1, 2])
    assert caught.value.kind == "config_wbvalue"
    with pytest.raises(AttributeError):
        run.config.update({1: 2})
    assert run.config.as_dict() == {}


def test_config_missing_values_raise_as_python_does():
    run = runs.start()
    with pytest.raises(KeyError):
        run.config["z"]
    with pytest.raises(AttributeError):
        _ = run.config.z
    with pytest.raises(TypeError):
        del run.config["z"]


def test_config_static_is_read_only():
    run = runs.start(config={"a": 1})
    assert run.config_static.a == 1 and run.config_static["a"] == 1
    with pytest.raises(AttributeError):
        run.config_static["a"] = 2
    with pytest.raises(AttributeError):
        run.config_static.a = 2


def test_locked_values_stay(capsys):
    run = runs.start()
    run.config.update_locked({"a": 1}, "sweep")
    run.config.update({"a": 2, "b": 3})
    assert run.config.as_dict() == {"a": 1, "b": 3}


def test_setdefaults_adds_only_what_is_missing():
    run = runs.start(config={"a": 1})
    run.config.setdefaults({"a": 9, "b": 2})
    assert run.config.as_dict() == {"a": 1, "b": 2}


def test_changing_a_copy_of_the_config_changes_nothing():
    run = runs.start(config={"a": {"b": 1}})
    run.config.as_dict()["a"]["b"] = 5
    assert run.config["a"]["b"] == 1


def test_summary_reads_what_was_logged():
    run = runs.start()
    run.log({"a": 1, "n": {"b": 2}})
    assert run.summary["a"] == 1 and run.summary.a == 1
    assert run.summary["n"]["b"] == 2 and run.summary.n.b == 2
    assert run.summary.get("z", 5) == 5 and "a" in run.summary
    with pytest.raises(KeyError):
        run.summary["z"]
    with pytest.raises(AttributeError):
        _ = run.summary.z


def test_summary_sets_updates_and_deletes():
    run = runs.start()
    run.summary["a"] = 1
    run.summary.b = {"c": 2}
    run.summary.update({"d": 3, "e": 4})
    del run.summary["d"]
    del run.summary["never"]
    assert runs.fold(run).summary() == {"a": 1, "b": {"c": 2}, "e": 4}


def test_summary_of_a_finished_run_cannot_be_set():
    run = runs.start()
    run.finish()
    with pytest.raises(quipu.UsageError) as caught:
        run.summary["a"] = 1
    assert caught.value.kind == "run_finished"


def test_define_metric_returns_a_metric_that_is_a_step_metric():
    run = runs.start()
    epoch = run.define_metric("epoch")
    loss = run.define_metric("loss", step_metric=epoch, summary="min,max", goal="minimize")
    assert (loss.name, loss.step_metric, loss.step_sync, loss.summary) == ("loss", "epoch", True, ("min", "max"))
    run.log({"loss": 3.0, "epoch": 1})
    run.log({"loss": 2.0})
    found = runs.fold(run)
    assert found.rows[1]["epoch"] == 1
    assert found.summary()["loss"] == {"min": 2.0, "max": 3.0}


@pytest.mark.parametrize(
    "arguments",
    [{"name": 5}, {"name": "x", "hidden": "yes"}, {"name": "x", "summary": ["min"]}, {"name": "x", "step_sync": 1}],
)
def test_define_metric_refuses_wrong_types(arguments):
    run = runs.start()
    with pytest.raises(quipu.Error) as caught:
        run.define_metric(**arguments)
    assert caught.value.kind == "metric_bad_type"
