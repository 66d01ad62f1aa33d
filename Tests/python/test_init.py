"""init(), its arguments, the global run, and properties."""

import os
import pickle
import sys

import pytest
import quipu
import runs


def test_import_as_wandb_and_module_attributes_follow_the_global_run():
    import quipu as wandb

    assert wandb.run is None
    run = wandb.init(project="p", config={"lr": 0.1}, settings={"console": "off"})
    assert wandb.run is run
    assert wandb.config.lr == 0.1
    wandb.log({"a": 1})
    wandb.summary["best"] = 3
    wandb.finish()
    assert wandb.run is None


@pytest.mark.parametrize(
    "use",
    [
        lambda: quipu.log({"a": 1}),
        lambda: quipu.config.lr,
        lambda: quipu.config.update({"a": 1}),
        lambda: quipu.summary["a"],
        lambda: quipu.summary.update({"a": 1}),
        lambda: quipu.define_metric("a"),
        lambda: quipu.save("x"),
        lambda: quipu.alert("t", "x"),
        lambda: quipu.mark_preempting(),
        lambda: quipu.write_logs("x"),
    ],
)
def test_use_before_init_is_an_error(use):
    with pytest.raises(quipu.Error) as caught:
        use()
    assert caught.value.kind == "before_init"


def test_positional_order_is_that_of_wandb():
    run = quipu.init("team", "proj", None, "abc", "name", "notes", ["t"], {"a": 1})
    assert (run.entity, run.project, run.id, run.name, run.notes, run.tags) == (
        "team", "proj", "abc", "name", "notes", ("t",),
    )  # fmt: skip
    assert run.path == "team/proj/abc" and run.config["a"] == 1


def test_errors_carry_code_and_kind():
    with pytest.raises(quipu.UsageError) as caught:
        quipu.init(id="a/b")
    assert isinstance(caught.value, quipu.QuipuError)
    assert caught.value.code == -108 and caught.value.kind == "run_id_bad_char"
    with pytest.raises(quipu.errors.ValidationError) as caught:
        quipu.init(settings={"no_such_setting": 1})
    assert caught.value.code == -109 and caught.value.kind == "setting_unknown"
    assert not os.path.exists("wandb")


@pytest.mark.parametrize("argument", ["mode", "resume", "reinit"])
def test_words_that_are_not_known_are_rejected(argument):
    with pytest.raises(quipu.errors.ValidationError) as caught:
        quipu.init(project="p", **{argument: "perhaps"})
    assert caught.value.kind == "setting_bad_choice"


def test_single_text_is_one_tag():
    assert runs.start(tags="best").tags == ("best",)


def test_reinit_create_new_leaves_the_global_run():
    first = runs.start()
    second = runs.start(reinit="create_new")
    assert quipu.run is first and second is not first
    second.finish()
    assert quipu.run is first


def test_reinit_finish_previous_finishes_all():
    first = runs.start()
    second = runs.start(reinit="create_new")
    third = runs.start(reinit="finish_previous")
    assert quipu.run is third
    for run in (first, second):
        with pytest.raises(quipu.UsageError):
            run.log({"a": 1})


def test_init_while_active_returns_the_latest():
    runs.start()
    second = runs.start(reinit="create_new")
    assert runs.start() is second


def test_read_only_and_unknown_attributes_cannot_be_set():
    run = runs.start()
    with pytest.raises(AttributeError):
        run.project = "other"
    with pytest.raises(Exception, match="no attribute"):
        run.my_field = 1
    with pytest.raises(AttributeError):
        run.settings.project = "x"


def test_settings_are_read_as_attributes():
    run = runs.start(settings={"console": "off", "x_label": "rank0"})
    assert run.settings.x_label == "rank0" and run.settings._label == "rank0"
    assert run.settings.console == "off"
    with pytest.raises(AttributeError):
        _ = run.settings.no_such_setting


def test_setup_is_weaker_than_init():
    quipu.setup(settings=quipu.Settings(project="from-setup", run_name="from-setup"))
    try:
        run = quipu.init(name="from-init", settings={"console": "off"})
        assert (run.project, run.name) == ("from-setup", "from-init")
    finally:
        quipu._init._setup_settings.clear()


def test_login_keeps_the_key_for_the_process_and_in_netrc(monkeypatch):
    monkeypatch.delenv("WANDB_MODE")
    host = "http://127.0.0.1:9"  # nobody there: without verifying nobody is asked
    try:
        assert quipu.login(host=host) is False
        with pytest.raises(quipu.errors.AuthenticationError) as caught:
            quipu.login(key=" " + "k" * 40)
        assert caught.value.kind == "api_key_whitespace"
        with pytest.raises(quipu.errors.AuthenticationError):
            quipu.login(key="too-short")
        with pytest.raises(quipu.UsageError) as caught:
            quipu.login(force=True)
        assert caught.value.kind == "no_api_key"
        netrc = os.path.expanduser("~/.netrc")
        assert not os.path.exists(netrc)
        assert quipu.login(key="k" * 40, verify=False) is True
        assert os.stat(netrc).st_mode & 0o777 == 0o600
        assert "127.0.0.1:9" in open(netrc).read()
        assert quipu.login(verify=False) is True
        assert quipu.logout() is True
        assert "k" * 40 not in open(netrc).read()
        assert quipu.login(verify=False) is False
    finally:
        quipu._init._setup_settings.clear()


def test_run_cannot_be_pickled_and_copies_to_itself():
    import copy

    run = runs.start()
    with pytest.raises(TypeError):
        pickle.dumps(run)
    assert copy.deepcopy({"run": run})["run"] is run


def test_later_parts_say_so():
    with pytest.raises(AttributeError, match="not part of this version"):
        _ = quipu.Api
    with pytest.raises(AttributeError):
        _ = quipu.no_such_name
    run = runs.start()
    with pytest.raises(quipu.errors.UnsupportedError):
        run.use_artifact("x")


def test_disabled_run_records_nothing():
    run = quipu.init(mode="disabled", id="abc", config={"a": 1})
    assert run.disabled and run.name == "dummy-abc" and run.project == "dummy" and run.entity == "dummy"
    run.log({"x": 1, "o": object()})
    run.log({"x": 2}, step="anything")
    assert run.summary["x"] == 2 and run.summary.x == 2
    run.config["b"] = 2
    with pytest.raises(quipu.ConfigError):
        run.config["a"] = 5
    run.define_metric(5)
    run.alert("t", "x", level="whatever")
    assert run.save("*") is False
    assert run.log_artifact("x") is None
    run.finish()
    assert not os.path.exists("wandb")


def test_properties_answer_after_finish():
    run = runs.start(name="n", id="abc", tags=["t"])
    run.log({"a": 1})
    run.finish()
    assert (run.name, run.id, run.tags, run.project) == ("n", "abc", ("t",), "p")
    assert run.step == 1
    run.finish(exit_code=3)
    run.write_logs("ignored")


def test_stats_count_what_was_dropped():
    run = runs.start()
    run.log({"a": 1}, step=5)
    run.log({"a": 1}, step=2)
    run.finish()
    assert run.stats()["rows_dropped_low_step"] == 1
    assert run.stats()["rows_written"] == 1


def test_with_marks_a_failed_run():
    with pytest.raises(ValueError):
        with runs.start() as run:
            raise ValueError("x")
    assert runs.fold(run).exit == {"exit_code": 1}


def test_unused_arguments_warn_once():
    seen = []
    quipu._terminal.observers.append(lambda level, kind, text: seen.append(kind))
    quipu._terminal._once.clear()
    quipu._terminal.register("", quipu._terminal.Policy())
    try:
        for _ in range(2):
            quipu.init(project="p", sync_tensorboard=True).finish(quiet=True)
        assert seen.count("argument_unused") == 1
    finally:
        quipu._terminal.observers.clear()


def test_numpy_is_not_imported_by_the_package():
    done = runs.script(
        """
        import sys, quipu
        run = quipu.init(project="p")
        run.log({"a": [1, 2.5, "x"], "h": quipu.Histogram([1, 2, 3])})
        run.finish()
        assert "numpy" not in sys.modules and "torch" not in sys.modules
        """
    )
    assert done.returncode == 0, done.stderr


def test_python_version_is_recorded():
    run = runs.start()
    assert sys.version.split()[0]
    assert runs.fold(run).run["run_id"] == run.id


def test_saved_code_is_the_script():
    done = runs.script(
        """
        import os, quipu
        run = quipu.init(project="p", save_code=True)
        run.finish()
        print(open(os.path.join(run.dir, "code", "script.py")).read() == open("script.py").read())
        """
    )
    assert done.stdout == "True\n", done.stderr


def test_requirements_list_the_installed_packages():
    done = runs.script(
        """
        import os, quipu
        run = quipu.init(project="p")
        run.finish()
        lines = open(os.path.join(run.dir, "requirements.txt")).read().splitlines()
        assert all(line.count("==") == 1 for line in lines)
        print(any(line.lower().startswith("pytest==") for line in lines))
        """,
        environment={"WANDB_X_SAVE_REQUIREMENTS": "true"},
    )
    assert done.stdout == "True\n", done.stderr


def test_run_dropped_by_the_program_stays_open_until_the_end():
    import gc

    quipu.init(project="p", id="kept", settings={"console": "off"})
    gc.collect()
    quipu.log({"a": 1.0})
    assert quipu.run.id == "kept"


def test_finished_run_can_be_collected():
    import gc
    import weakref

    run = runs.start()
    run.finish()
    reference = weakref.ref(run)
    del run
    gc.collect()
    assert reference() is None
