"""What the online tests share: servers, a proxy that breaks things in between, programs of both libraries.

    QUIPU_SERVER        the server program (default: build/bin/quipu-server)
    QUIPU_LIBRARY_DIR   directory of libquipu.so (default: build/lib)
    QUIPU_COMMAND       the command (default: build/bin/quipu)
    QUIPU_HTTP_VECTORS  a directory of recorded traffic for test_traffic.py
    QUIPU_SEED, QUIPU_KILLS, QUIPU_ROUNDS   what chance decides, and how often

The interpreter that runs pytest must have wandb 0.31.0. Nothing but loopback is used, everything lies in temporary
directories, and tests may run in parallel (pytest-xdist).
"""

import importlib.util
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIBRARY_DIR = pathlib.Path(os.environ.get("QUIPU_LIBRARY_DIR") or ROOT / "build/lib")
LIBRARY = LIBRARY_DIR / "libquipu.so"
COMMAND = pathlib.Path(os.environ.get("QUIPU_COMMAND") or LIBRARY_DIR.parent / "bin/quipu")
# "wandb" puts the official client in the place of ours, to try the tests themselves.
SUBJECT = os.environ.get("QUIPU_ONLINE_SUBJECT", "quipu")
SEED = int(os.environ.get("QUIPU_SEED", "4"))


def _server_fixtures():
    """The fixtures of the server's own tests, under a name that does not clash with this file's."""
    path = ROOT / "server/Tests/conformance/conftest.py"
    spec = importlib.util.spec_from_file_location("server_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["server_fixtures"] = module
    spec.loader.exec_module(module)
    return module


base = _server_fixtures()
from server_fixtures import (  # noqa: E402,F401
    HOME, Outcome, Server, client_environment, program, run_client, server, start_server, wait_for)

from faults import Authority, FaultProxy, Plan  # noqa: E402

# Waits of a production client would make tests slow; what is waited for stays the same.
FAST = {
    "WANDB_X_GRAPHQL_RETRY_WAIT_MIN_SECONDS": "0.05", "WANDB_X_GRAPHQL_RETRY_WAIT_MAX_SECONDS": "0.4",
    "WANDB_X_FILE_STREAM_RETRY_WAIT_MIN_SECONDS": "0.05", "WANDB_X_FILE_STREAM_RETRY_WAIT_MAX_SECONDS": "0.4",
    "WANDB_X_FILE_TRANSFER_RETRY_WAIT_MIN_SECONDS": "0.05", "WANDB_X_FILE_TRANSFER_RETRY_WAIT_MAX_SECONDS": "0.4",
    "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "0.1",
}
# The official client drops fractions of seconds.
FAST_OFFICIAL = {
    "WANDB_X_GRAPHQL_RETRY_WAIT_MIN_SECONDS": "1", "WANDB_X_GRAPHQL_RETRY_WAIT_MAX_SECONDS": "1",
    "WANDB_X_FILE_STREAM_RETRY_WAIT_MIN_SECONDS": "1", "WANDB_X_FILE_STREAM_RETRY_WAIT_MAX_SECONDS": "1",
    "WANDB_X_FILE_TRANSFER_RETRY_WAIT_MIN_SECONDS": "1", "WANDB_X_FILE_TRANSFER_RETRY_WAIT_MAX_SECONDS": "1",
    "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "1",
}
QUIET = {
    "WANDB_X_DISABLE_STATS": "true", "WANDB_X_DISABLE_META": "true", "WANDB_X_SAVE_REQUIREMENTS": "false",
    "WANDB_DISABLE_GIT": "true",
}


def as_quipu(code):
    """A program written for wandb as one for Quipu's Python face."""
    return re.sub(r"^(\s*)import wandb$", r"\1import quipu as wandb", code, flags=re.M)


def quipu_environment(fast=True):
    path = [str(ROOT / "bindings/python"), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, path)), "QUIPU_LIBRARY": str(LIBRARY), **(FAST if fast else {})}


@pytest.fixture(scope="session")
def built():
    """Fails, instead of skipping, where there is nothing to test."""
    if SUBJECT == "quipu" and not (LIBRARY.exists() and COMMAND.exists()):
        pytest.fail(f"{LIBRARY} and {COMMAND} are not built (QUIPU_LIBRARY_DIR, QUIPU_COMMAND)")


class Clients:
    """Runs programs, given as text for `import wandb`, with one library: `clients(code, ...)` as run_client does, and
    `clients.start(...)`. `clients.sync(*arguments, ...)` is its command for runs on disk."""

    def __init__(self, run_client, library):
        self.run_client, self.library = run_client, library

    def _env(self, env, fast):
        if self.library == "quipu":
            return {**quipu_environment(fast), **(env or {})}
        return {**(FAST_OFFICIAL if fast else {}), **(env or {})}

    def _code(self, code):
        return as_quipu(code) if self.library == "quipu" else code

    def __call__(self, code, env=None, fast=True, **options):
        return self.run_client(self._code(code), env=self._env(env, fast), **options)

    def start(self, code, env=None, fast=True, **options):
        return self.run_client.start(self._code(code), env=self._env(env, fast), **options)

    def sync(self, *arguments, env=None, fast=True, timeout=120, check=True, **options):
        if self.library == "quipu":
            return command(self.run_client, "sync", *arguments, env=self._env(env, fast), timeout=timeout, check=check,
                           **options)
        return self.run_client.cli("sync", *arguments, env=self._env(env, fast), timeout=timeout, check=check,
                                   **options)

    def start_sync(self, *arguments, env=None, fast=True, **options):
        if self.library == "quipu":
            return start_command(self.run_client, "sync", *arguments, env=self._env(env, fast), **options)
        return self.run_client.start(["sync", *arguments], env=self._env(env, fast), **options)


_RUN_COMMAND = "import os, sys\nos.execv({program!r}, [{program!r}, *{arguments!r}])\n"


def command(run_client, *arguments, **options):
    """The `quipu` command in the place of a Python program, with the same environment, time limit and clean-up."""
    return run_client(_RUN_COMMAND.format(program=str(COMMAND), arguments=[str(word) for word in arguments]), **options)


def start_command(run_client, *arguments, **options):
    return run_client.start(_RUN_COMMAND.format(program=str(COMMAND), arguments=[str(word) for word in arguments]),
                            **options)


@pytest.fixture
def quipu(run_client, built):
    """Our Python face and our command; the official client when that is the subject."""
    return Clients(run_client, SUBJECT)


@pytest.fixture
def official(run_client):
    """The official client."""
    return Clients(run_client, "wandb")


@pytest.fixture
def proxy(server):
    """`proxy(*rules, **options)` starts a FaultProxy before the shared server, or before `server=OTHER`."""
    started = []

    def start(*rules, seed=SEED, **options):
        made = FaultProxy(options.pop("server", server), Plan(*rules, seed=seed), **options)
        started.append(made)
        return made

    yield start
    for made in started:
        made.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def run_id(request):
    """A run id of the test's own, so that tests can share a server."""
    import hashlib

    return "t" + hashlib.md5(request.node.nodeid.encode()).hexdigest()[:10]


@pytest.fixture(scope="session")
def c_program(tmp_path_factory, built):
    """`c_program(name, text)`: the path of a C program that is linked with the library."""
    directory = tmp_path_factory.mktemp("c")

    def compile(name, text):
        source, program = directory / f"{name}.c", directory / name
        if not program.exists() or source.read_text() != text:
            source.write_text(text)
            done = subprocess.run(
                [os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-Wall", "-I", ROOT / "include", source, "-o",
                 program, "-L", LIBRARY_DIR, f"-Wl,-rpath,{LIBRARY_DIR.resolve()}", "-lquipu", "-lpthread"],
                capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
        return program

    return compile


def run_directory(outcome):
    """The one directory of a log that a program left."""
    [found] = outcome.run_directories()
    return found


def log_of(directory):
    [found] = pathlib.Path(directory).glob("*.wandb")
    return found


def kill(process, how=signal.SIGKILL):
    """Ends a started program with everything it started."""
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        pass
    process.wait(60)
