"""Printing and console capture."""

import os
import re

import runs

LOUD = {"WANDB_SILENT": "false"}


def output_log():
    found = [os.path.join(folder, "output.log") for folder, _, names in os.walk("wandb") if "output.log" in names]
    return open(found[0], newline="").read() if found else None


def test_terminal_bytes_are_unchanged_and_the_log_holds_the_lines():
    text = "one\ntwo \x1b[31mred\x1b[0m\nprogress 1\rprogress 2\nno end"
    done = runs.script(
        f"""
        import sys, quipu
        run = quipu.init(project="p")
        sys.stdout.write({text!r})
        sys.stderr.write("to stderr\\n")
        run.finish()
        """,
        text_mode=False,
    )
    assert done.stdout == text.encode() and done.stderr == b"to stderr\n"
    assert "progress 2" in output_log() and "to stderr" in output_log()
    assert "progress 1" not in output_log()


def test_streams_stay_the_same_objects_and_are_given_back():
    done = runs.script(
        """
        import sys, quipu
        before = sys.stdout, sys.stdout.write
        run = quipu.init(project="p")
        assert sys.stdout is before[0] and "write" in vars(sys.stdout)
        run.finish()
        assert sys.stdout is before[0] and "write" not in vars(sys.stdout)
        """
    )
    assert done.returncode == 0, done.stderr


def test_console_off_makes_no_log():
    runs.script(
        """
        import quipu
        run = quipu.init(project="p", settings={"console": "off"})
        print("x")
        run.write_logs("y")
        run.finish()
        """
    )
    assert output_log() is None


def test_each_active_run_gets_the_lines():
    done = runs.script(
        """
        import os, quipu
        one = quipu.init(project="p", reinit="create_new")
        print("first")
        two = quipu.init(project="p", reinit="create_new")
        print("both")
        one.finish()
        print("second")
        two.finish()
        print(*[open(os.path.join(run.dir, "output.log")).read().split() for run in (one, two)])
        """
    )
    assert done.stdout.splitlines()[-1] == "['first', 'both'] ['both', 'second']", done.stderr


def test_header_and_footer_carry_the_prefix():
    done = runs.script(
        """
        import quipu
        run = quipu.init(project="p", name="x")
        run.log({"loss": 1.0}); run.log({"loss": 0.5})
        run.finish()
        """,
        environment=LOUD,
    )
    lines = done.stderr.splitlines()
    assert lines and all(line.startswith("quipu:") for line in lines)
    assert "quipu: Run history:" in lines and "quipu: loss █▁" in lines and "quipu: loss 0.5" in lines
    assert any(re.search(r"offline-run-\d{8}_\d{6}-", line) for line in lines)


def test_quiet_prints_no_blocks_and_silent_prints_nothing():
    text = """
        import quipu
        run = quipu.init(project="p")
        run.log({"loss": 1.0})
        run.log({"loss": 1.0}, step=0)
        run.finish()
        """
    quiet = runs.script(text, environment={**LOUD, "WANDB_QUIET": "true"}).stderr
    assert "Run history" not in quiet and "WARNING" in quiet
    assert runs.script(text, environment={"WANDB_SILENT": "true"}).stderr == ""


def test_process_without_streams_works():
    done = runs.script(
        """
        import sys, quipu
        sys.stdout = sys.stderr = None
        run = quipu.init(project="p")
        run.log({"a": 1.0}, step=3)
        run.log({"a": 1.0}, step=1)
        run.finish()
        """,
        environment=LOUD,
    )
    assert done.returncode == 0


def test_print_that_fails_to_copy_still_prints():
    done = runs.script(
        """
        import quipu
        run = quipu.init(project="p")
        print("lone \\udc80 surrogate".encode("utf-8", "replace").decode())
        run.finish()
        print("after")
        """
    )
    assert done.stdout == "lone ? surrogate\nafter\n"
