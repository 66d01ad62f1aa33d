"""How runs end with the process, and what a fork does to them."""

import os
import signal
import textwrap

import pytest
import runs

OPEN = """
import os, sys, quipu
run = quipu.init(project="p", id="abc")
run.log({"a": 1.0})
run.log({"b": 2.0}, commit=False)
"""


def ended(text, **options):
    done = runs.script(OPEN + textwrap.dedent(text), **options)
    return done, runs.log_of(os.getcwd())


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("", 0, 0),
        ("sys.exit(3)", 3, 3),
        ("sys.exit()", 0, 0),
        ("sys.exit('bye')", 1, 1),
        ("sys.exit(True)", 1, 1),
        ("raise SystemExit(4)", 4, 4),
        ("exit(5)", 5, 5),
        ("raise ValueError('oops')", 1, 1),
        ("raise KeyboardInterrupt", -signal.SIGINT, 255),
    ],
)
def test_open_run_ends_with_the_status_of_the_process(ending, status, code):
    done, log = ended(ending)
    assert done.returncode == status, done.stderr
    assert log.exit.get("exit_code", 0) == code
    assert [{key: row[key] for key in row if key != "_step"} for row in log.rows] == [{"a": 1.0}, {"b": 2.0}]


def test_traceback_is_in_the_console_log():
    ended("raise ValueError('oops')")
    found = [os.path.join(folder, "output.log") for folder, _, names in os.walk(".") if "output.log" in names]
    assert "ValueError: oops" in open(found[0]).read()


def test_killed_process_leaves_no_exit_record():
    done, log = ended("run.flush(); os.kill(os.getpid(), 9)")
    assert done.returncode == -9
    assert log.exit is None and log.rows[0]["a"] == 1.0


def test_fork_makes_the_inherited_run_inert():
    done, log = ended(
        """
        pid = os.fork()
        if pid == 0:
            run.log({"child": 1.0})
            run.log({"child": "text"})
            run.summary["child"] = 1
            run.config["child"] = 1
            run.finish(exit_code=9)
            os._exit(0 if quipu.run is None else 7)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
        run.log({"parent": 1.0})
        run.finish()
        """
    )
    assert done.returncode == 0, done.stderr
    assert log.exit == {} and all("child" not in row for row in log.rows)
    assert any("parent" in row for row in log.rows)


def test_child_of_a_fork_starts_its_own_run():
    done = runs.script(
        """
        import os, quipu
        run = quipu.init(project="p", id="parent")
        run.log({"a": 1.0})
        pid = os.fork()
        if pid == 0:
            own = quipu.init(project="p", id="child")
            own.log({"a": 2.0})
            own.finish()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        run.finish()
        """
    )
    assert done.returncode == 0, done.stderr
    names = [name for _, _, files in os.walk("wandb") for name in files if name.endswith(".wandb")]
    assert sorted(names) == ["run-child.wandb", "run-parent.wandb"]


def test_multiprocessing_children_do_not_disturb_the_parent():
    done = runs.script(
        """
        import multiprocessing, quipu
        run = None
        def work(n):
            if run is not None:
                run.log({"child": float(n)})
            return n * n
        if __name__ == "__main__":
            run = quipu.init(project="p")
            with multiprocessing.get_context("fork").Pool(2) as pool:
                assert pool.map(work, range(8)) == [n * n for n in range(8)]
            run.log({"a": 1.0})
            run.finish()
            assert run.stats()["rows_written"] == 1
        """
    )
    assert done.returncode == 0, done.stderr


def test_many_runs_are_finished_at_exit():
    done = runs.script(
        """
        import sys, quipu
        for n in range(3):
            quipu.init(project="p", id=f"r{n}", reinit="create_new").log({"n": n})
        sys.exit(2)
        """
    )
    assert done.returncode == 2, done.stderr
    import logreader
    from outcome import Fold

    for folder, _, names in os.walk("wandb"):
        for name in names:
            if name.endswith(".wandb"):
                assert Fold(logreader.records(os.path.join(folder, name))).exit == {"exit_code": 2}


def test_threads_that_still_log_at_exit_do_no_harm():
    done = runs.script(
        """
        import threading, quipu
        run = quipu.init(project="p")
        def work():
            while True:
                run.log({"a": 1.0})
                run.log({"a": "x"})
        for _ in range(2):
            threading.Thread(target=work, daemon=True).start()
        run.flush()
        """
    )
    assert done.returncode == 0, done.stderr


def test_diagnostics_at_the_very_end_do_not_crash():
    done = runs.script(
        """
        import quipu
        run = quipu.init(project="p")
        run.log({"a": 1.0}, step=5)
        for step in range(4):
            run.log({"a": 1.0}, step=step)
        """,
        environment={"WANDB_SILENT": "false", "WANDB_QUIET": "true"},
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" in done.stderr
