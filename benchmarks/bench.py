"""What the parts share: the table's rows, clean environments, child processes, medians."""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(ROOT, "benchmarks")
PROGRAMS = os.environ.get("BENCH_PROGRAMS") or os.path.join(ROOT, "build", "bench")
LIBRARY = os.environ.get("BENCH_LIBRARY") or os.path.join(ROOT, "build", "lib", "libquipu.so")
QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")
PLACE = os.environ.get("BENCH_DIR") or ("/var/tmp" if os.path.isdir("/var/tmp") else tempfile.gettempdir())


def sizes(full, quick):
    return quick if QUICK else full


class Row:
    """One line of the table. `passed` is None where there is no bar."""

    def __init__(self, what, ours, peer="", ratio="", bar="", passed=None):
        self.what, self.ours, self.peer, self.ratio, self.bar, self.passed = what, ours, peer, ratio, bar, passed

    @property
    def verdict(self):
        return "" if self.passed is None else "pass" if self.passed else "**short**"


class Result:
    """What a part found: rows of the table, and text to stand below it."""

    def __init__(self):
        self.rows, self.notes, self.figures = [], [], []

    def row(self, *args, **kwargs):
        self.rows.append(Row(*args, **kwargs))

    def note(self, text):
        self.notes.append(text)

    def figure(self, text):
        self.figures.append(text)


class Place:
    """A directory for one measurement, gone afterwards."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="quipu-bench-", dir=PLACE)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def environment(place):
    """Nothing of the user's settings, no network, every file below `place`. What the libraries collect by default
    (system metrics, metadata, console) stays as they have it."""
    home = os.path.join(place, "home")
    os.makedirs(home, exist_ok=True)
    clean = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH") if key in os.environ}
    clean.update(
        HOME=home, TMPDIR=place, PYTHONPATH=os.path.join(ROOT, "bindings", "python"), QUIPU_LIBRARY=LIBRARY,
        WANDB_MODE="offline", WANDB_SILENT="true", WANDB_ERROR_REPORTING="false", WANDB_DIR=place,
        WANDB_CACHE_DIR=os.path.join(place, "cache"), WANDB_CONFIG_DIR=os.path.join(place, "settings"),
        WANDB_DATA_DIR=os.path.join(place, "data"), WANDB_ARTIFACT_DIR=os.path.join(place, "artifacts"),
        TRACKIO_DIR=os.path.join(place, "trackio"), HF_HOME=os.path.join(place, "hf"), HF_HUB_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1", NO_PROXY="*",
    )  # fmt: skip
    return clean


def call(command, place, timeout=600, env=None):
    """Runs a program and answers the JSON of its last line that is JSON. `env` is added to the clean environment."""
    done = subprocess.run(
        command, cwd=place, env={**environment(place), **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )  # fmt: skip
    for line in reversed(done.stdout.splitlines()):
        if line.startswith(("{", "[")):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if done.returncode == 0:
                return found
    raise RuntimeError(
        f"{' '.join(command)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}"
    )


def native(program, *arguments, timeout=600, env=None):
    """One of our programs; the word DIR becomes a directory of its own."""
    with Place() as place:
        words = [place if word == "DIR" else str(word) for word in arguments]
        return call([os.path.join(PROGRAMS, program), *words], place, timeout, env)


def peer(library, task, *arguments, timeout=600):
    """A task of peers.py in a process and a directory of its own; None if the library is not installed."""
    if not installed(library):
        return None
    with Place() as place:
        words = [sys.executable, os.path.join(HERE, "peers.py"), library, task, *map(str, arguments)]
        return call(words, place, timeout)


_installed = {}


def installed(library):
    """The version of a Python package in this environment, or None."""
    if library not in _installed:
        from importlib import metadata

        try:
            _installed[library] = "this checkout" if library == "quipu" else metadata.version(library)
        except metadata.PackageNotFoundError:
            _installed[library] = None
    return _installed[library]


def watched(command, place, timeout=600, env=None):
    """As `call`, and the largest resident memory of the program with all its children on the way, in kB: the second of
    the two answers. Looked at every 20 ms."""
    import threading

    from peers import descendants, resident_kb

    peak, ended = [0], threading.Event()
    with open(os.path.join(place, "stdout"), "w+") as out, open(os.path.join(place, "stderr"), "w+") as err:
        process = subprocess.Popen(
            command, cwd=place, env={**environment(place), **(env or {})}, stdout=out, stderr=err,
            stdin=subprocess.DEVNULL)  # fmt: skip

        def watch():
            while not ended.wait(0.02):
                pids = [process.pid, *descendants(process.pid)]
                peak[0] = max(peak[0], sum(resident_kb(pid) for pid in pids))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"{' '.join(command)} did not end within {timeout} s") from None
        finally:
            ended.set()
            watcher.join()
        out.seek(0)
        lines = [line for line in out.read().splitlines() if line.startswith(("{", "["))]
        if process.returncode != 0 or not lines:
            err.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {err.read().strip()[-600:]}")
    return json.loads(lines[-1]), peak[0]


def alternate(rounds, **measures):
    """Runs the measures in turn (A B C A B C ...), so that slow weather hits all. name -> list of results."""
    results = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            results[name].append(measure())
    return results


def middle(results, *path):
    """Median of one figure over several results; None if there are none."""
    values = []
    for result in results:
        for key in path:
            result = result[key] if result is not None else None
        if result is not None:
            values.append(result)
    return statistics.median(values) if values else None


def duration(ns):
    if ns is None:
        return "-"
    for unit, scale in (("ns", 1), ("us", 1e3), ("ms", 1e6)):
        if ns < 1000 * scale:
            value = ns / scale
            return f"{value:.0f} {unit}" if value >= 100 or unit == "ns" else f"{value:.3g} {unit}"
    return f"{ns / 1e9:.3g} s"


def times(ratio):
    return "" if ratio is None else f"{ratio:.0f}x" if ratio >= 100 else f"{ratio:.3g}x"


def load():
    return os.getloadavg()[0]


class Weather:
    """How busy other processes kept the machine while something ran: processor time that was neither ours nor idle."""

    def __enter__(self):
        self.load = load()
        self.start = self._read()
        return self

    def __exit__(self, *_):
        busy, total, own = (after - before for after, before in zip(self._read(), self.start))
        self.seconds = time.monotonic() - self.began
        self.others = max(0.0, (busy - own) / total) if total > 0 else 0.0

    def _read(self):
        if not hasattr(self, "began"):
            self.began = time.monotonic()
        with open("/proc/stat") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        total = sum(ticks)
        idle = ticks[3] + ticks[4]
        own = 0.0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            own += usage.ru_utime + usage.ru_stime
        return total - idle, total, own * os.sysconf("SC_CLK_TCK")
