"""The command line, tested as a person uses it: a process, its output, its exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(os.environ.get("QUIPU_VECTORS", ROOT / "Tests" / "Vectors"))


def command_path():
    given = os.environ.get("QUIPU_COMMAND")
    if given:
        return given
    for place in ("build/bin/quipu", ".build/release/quipu", ".build/debug/quipu"):
        if (ROOT / place).exists():
            return str(ROOT / place)
    raise RuntimeError("no quipu: run `make build`, or name the program in QUIPU_COMMAND")


@pytest.fixture(scope="session")
def command():
    return command_path()


@pytest.fixture
def quipu(command, tmp_path):
    """quipu("show", path) -> CompletedProcess with text; runs in an empty directory."""

    def run(*arguments, cwd=None, env=None, **kwargs):
        environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
        environment["TZ"] = "UTC"
        environment.update(env or {})
        return subprocess.run(
            [command, *map(str, arguments)], cwd=cwd or tmp_path, env=environment, capture_output=True, text=True,
            timeout=60, **kwargs)

    return run


@pytest.fixture
def vector():
    return lambda name: VECTORS / "transaction-log" / f"{name}.wandb"
