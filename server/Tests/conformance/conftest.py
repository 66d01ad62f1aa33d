"""What the conformance tests share: servers of our build, and programs that use the official client against them.

    QUIPU_SERVER        the built program (default: build/bin/quipu-server of this repository)
    QUIPU_HTTP_VECTORS  a directory of recorded traffic for test_recorded_traffic.py
    QUIPU_LIBRARY       directory of libquipu.so for the tests of our own library (default: build/lib)

The interpreter that runs pytest must have wandb 0.31.0. Nothing but loopback is used, everything lies in temporary
directories, and tests may run in parallel (pytest-xdist).
"""

import atexit
import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
PROGRAM = pathlib.Path(os.environ.get("QUIPU_SERVER") or REPOSITORY / "build/bin/quipu-server")
LIBRARY = pathlib.Path(os.environ.get("QUIPU_LIBRARY") or REPOSITORY / "build/lib")
VECTORS = os.environ.get("QUIPU_HTTP_VECTORS")

# The client inside this process must not see what the caller's shell or home tell it.
for name in [name for name in os.environ if name.startswith("WANDB_")]:
    del os.environ[name]
HOME = tempfile.mkdtemp(prefix="quipu-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NETRC"]:
    os.environ.pop(name, None)
os.environ["HOME"] = HOME
os.environ["WANDB_SILENT"] = "true"
os.environ["WANDB_ERROR_REPORTING"] = "false"
os.environ["WANDB_DIR"] = HOME


def wait_for(condition, what, seconds=30):
    """The first true answer of `condition`; the test fails if there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class Server:
    """One quipu-server process and its data directory. `url`, `key`, `host`, `port`, `data`, `pid`, `log`."""

    def __init__(self, data, *arguments, program=PROGRAM):
        self.data = pathlib.Path(data)
        self.arguments = [str(argument) for argument in arguments]
        self.program = program
        self.process = None
        self.port = 0
        self.log_path = self.data.parent / (self.data.name + ".log")
        self.start()

    # Life

    def start(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [str(self.program), "--data", str(self.data), "--port", str(self.port), *self.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            env={"PATH": os.environ.get("PATH", ""), "HOME": HOME, "LANG": "C.UTF-8"})
        log.close()
        said = []
        while True:
            line = self.process.stdout.readline()
            assert line, f"the server ended at its start: {self.process.wait()}\n{''.join(said)}\n{self.log[-4000:]}"
            said.append(line)
            text = "".join(said)
            url = re.search(r"export WANDB_BASE_URL=(\S+)", text)
            key = re.search(r"export WANDB_API_KEY=(\S+)", text)
            if url and key:
                break
        self.url, self.key = url[1], key[1]
        listening = urllib.parse.urlsplit(re.search(r" at (\S+?),", text)[1])
        self.host, self.port = listening.hostname, listening.port
        # Whatever else it prints must not fill the pipe.
        stdout = self.process.stdout
        threading.Thread(target=lambda: [None for _ in stdout], daemon=True).start()

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def kill(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=30):
        """Asks the server to end. Its exit status, which is 0 if all is well."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                pytest.fail(f"the server did not end within {seconds} s of SIGTERM\n{self.log[-4000:]}")
        return self.process.returncode

    def restart(self, sigkill=False):
        """Ends the server and starts it again, on the same port and data."""
        if sigkill:
            self.kill()
        else:
            assert self.stop() == 0, self.log[-4000:]
        self.start()

    def command(self, *arguments):
        """What `quipu-server ARGUMENTS --data DATA` prints; the server must not run."""
        done = subprocess.run(
            [str(self.program), *arguments, "--data", str(self.data)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # HTTP

    def request(self, method, path, body=None, headers=None, key=..., timeout=60):
        """(status, headers, bytes) of one request. `key=None` sends no authorization."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            fields = dict(headers or {})
            if key is not None:
                fields.setdefault("Authorization", basic(self.key if key is ... else key))
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
                fields.setdefault("Content-Type", "application/json")
            connection.request(method, path, body=body, headers=fields)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def graphql(self, query, variables=None, key=..., **members):
        """`data` of the answer; errors fail the test."""
        status, _, body = self.request("POST", "/graphql", {"query": query, "variables": variables or {}, **members},
                                       key=key)
        answer = json.loads(body)
        assert status == 200 and not answer.get("errors"), f"{status} {body[:2000]!r}"
        return answer["data"]

    def stream(self, entity, project, run, body, headers=None):
        """Sends one file stream request; its answer. Any status but 200 fails the test."""
        status, _, answer = self.request("POST", f"/files/{entity}/{project}/{run}/file_stream", body, headers)
        assert status == 200, f"{status} {answer!r}"
        return json.loads(answer)

    def upsert(self, project, run, **fields):
        """Creates or changes a run. Its node."""
        data = self.graphql(
            """mutation M($input: UpsertBucketInput!) { upsertBucket(input: $input) {
                 inserted bucket { id name displayName historyLineCount project { name entity { name } } } } }""",
            {"input": {"modelName": project, "name": run, **fields}})
        return data["upsertBucket"]

    def run(self, project, run, fields, entity="local", variables=None, declare=""):
        """The asked fields of a run, or None."""
        data = self.graphql(
            f"query Q($p: String!, $e: String!, $r: String!{declare}) {{ project(name: $p, entityName: $e) {{"
            f" run(name: $r) {{ {fields} }} }} }}", {"p": project, "e": entity, "r": run, **(variables or {})})
        return data["project"] and data["project"]["run"]

    def history(self, project, run, entity="local"):
        """All rows, parsed, in the order in which the server gives them."""
        lines = self.run(project, run, "history(minStep: 0, maxStep: 4611686018427387904, samples: 2000000000)",
                         entity)["history"]
        return [json.loads(line) for line in lines]

    def console(self, project, run, entity="local"):
        """All console lines: number, level, label, line."""
        data = self.run(project, run, "logLines(first: 5000) { edges { node { number level label line timestamp } } }",
                        entity)
        return [edge["node"] for edge in data["logLines"]["edges"]]

    def api(self, key=None, **overrides):
        """A `wandb.Api` for this server, in this process."""
        import wandb

        return wandb.Api(overrides={"base_url": self.url, **overrides}, api_key=key or self.key, timeout=60)


def basic(key):
    return "Basic " + base64.b64encode(f"api:{key}".encode()).decode()


def _ended(server):
    status = server.stop()
    assert status == 0, f"the server ended with {status}\n{server.log[-4000:]}"
    staged = [path for path in server.data.rglob("*") if path.is_file() and path.parent.name in ("staging", "tmp")]
    assert not staged, f"an ended server left half-written files: {staged}"


@pytest.fixture(scope="session")
def program():
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is not built; name the program in QUIPU_SERVER")
    return PROGRAM


@pytest.fixture(scope="session")
def server(program, tmp_path_factory):
    """One server for tests that do not disturb others: each uses projects or run ids of its own."""
    server = Server(tmp_path_factory.mktemp("server") / "data")
    yield server
    _ended(server)


@pytest.fixture
def start_server(program, tmp_path):
    """Starts servers of the test's own: `start_server("--crash-after", 2)`."""
    servers = []

    def start(*arguments, data=None):
        servers.append(Server(data or tmp_path / f"server{len(servers)}", *arguments))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() != -signal.SIGKILL:
            _ended(server)


class Outcome:
    """A client program that ended: `returncode`, `stdout`, `stderr`, `directory`."""

    def __init__(self, returncode, stdout, stderr, directory):
        self.returncode, self.stdout, self.stderr, self.directory = returncode, stdout, stderr, directory

    @property
    def json(self):
        """The last line of its output, which the program printed as JSON."""
        return json.loads(self.stdout.strip().splitlines()[-1])

    def run_directories(self):
        """Of wandb's logs in its directory, oldest first."""
        found = [path for path in (self.directory / "wandb").glob("*run-*") if path.is_dir() and not path.is_symlink()]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def client_environment(directory, url, key, extra=None):
    home = pathlib.Path(directory) / ".home"
    home.mkdir(exist_ok=True)
    # The client's helpers make sockets there, whose paths may have some hundred bytes only.
    temporary = pathlib.Path(HOME) / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {
        "PATH": os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home), "TMPDIR": str(temporary), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
        "WANDB_BASE_URL": url, "WANDB_API_KEY": key, "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false",
        "NO_PROXY": "*",
    }
    environment.update(extra or {})
    return {name: value for name, value in environment.items() if value is not None}


@pytest.fixture
def run_client(server, tmp_path):
    """Runs a Python program (its text) with the official client.

    run_client(script, env={}, timeout=120, server=OTHER, directory=OLD.directory, check=True) -> Outcome
    run_client.start(...) -> Popen with `.directory`, for programs that are to be watched or killed
    run_client.cli("sync", PATH, directory=...) -> Outcome of the `wandb` command
    """
    started = []
    count = [0]

    def prepare(script, env, on, directory):
        on = on or server
        count[0] += 1
        if directory is None:
            directory = tmp_path / f"client{count[0]}"
            directory.mkdir()
        environment = client_environment(directory, on.url, on.key, env)
        if isinstance(script, list):
            return [sys.executable, "-m", "wandb", *map(str, script)], directory, environment
        path = directory / f"script{count[0]}.py"
        path.write_text(script)
        return [sys.executable, "-u", path.name], directory, environment

    def start(script, env={}, server=None, directory=None):
        command, directory, environment = prepare(script, env, server, directory)
        with open(directory / "stdout", "wb") as out, open(directory / "stderr", "wb") as err:
            process = subprocess.Popen(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=err, start_new_session=True)
        process.directory = directory
        started.append(process)
        return process

    def run(script, env={}, timeout=120, server=None, directory=None, check=True):
        process = start(script, env, server, directory)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            # The client's helper process is in the same session and ends with it.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            pytest.fail(f"the client did not end within {timeout} s\n"
                        f"{(process.directory / 'stdout').read_text()[-2000:]}\n"
                        f"{(process.directory / 'stderr').read_text()[-4000:]}")
        outcome = Outcome(process.returncode, (process.directory / "stdout").read_text(errors="replace"),
                          (process.directory / "stderr").read_text(errors="replace"), process.directory)
        if check:
            assert outcome.returncode == 0, (
                f"the client ended with {outcome.returncode}\n{outcome.stdout[-2000:]}\n{outcome.stderr[-4000:]}")
        return outcome

    run.start = start
    run.cli = lambda *arguments, **options: run(list(arguments), **options)
    yield run
    for process in started:
        # Whatever a killed client left behind: each is its own session.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
