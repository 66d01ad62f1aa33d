"""A run that is uploaded while it logs, beside wandb against the same server.

What a call costs with a server that is well, hangs, answers 500 or is gone; how long a start takes when the server is
a second away; a million rows until the server has acknowledged them, with the memory of the process and all its
children, and the bytes that crossed the wire; the end of a run that has nothing left to send; the time from a call
until its row can be read; what stays resident.
"""

import contextlib
import os
import statistics
import sys
import threading
import time

from bench import HERE, LIBRARY, PROGRAMS, Place, alternate, duration, installed, middle, native, sizes, times, watched
from online.servers import PROGRAM, Failing, Gone, Hanging, Relay, Server

PERIOD = 5000


def mebibytes(kb):
    return f"{kb / 1024:.1f} MiB"


def at(target, **more):
    """The environment of a client of this server."""
    return {"WANDB_BASE_URL": target.url, "WANDB_API_KEY": target.key, "WANDB_MODE": "online", "BENCH_MODE": "online",
            **more}  # fmt: skip


def python(library, task, count, target, timeout=900, **env):
    """A task of online/peer.py; the second answer is the peak memory in kB."""
    if not installed(library):
        return None, 0
    with Place() as place:
        words = [sys.executable, os.path.join(HERE, "online", "peer.py"), library, task, str(count)]
        return watched(words, place, timeout, at(target, **env))


def measure(result):
    if not os.path.exists(PROGRAM):
        raise RuntimeError(f"{PROGRAM} is not built (scripts/server.sh)")
    with Place() as place, Server(place) as server:
        calls(result, server)
        start(result, server)
        upload(result, server)
        drained(result, server)
        readable(result, server)
        resident(result, server)


def line(found):
    return " / ".join(duration(found[key]) for key in ("p50", "p99", "p999", "max"))


def calls(result, server):
    count, rounds = sizes(400_000, 100_000), sizes(5, 2)
    with contextlib.ExitStack() as stack:
        targets = {"offline": None, "healthy": server}
        for name, kind in (("hangs", Hanging), ("answers 500", Failing), ("gone", Gone)):
            targets[name] = stack.enter_context(kind())

        def run(target):
            mode = "online" if target else "offline"
            return native("online", "calls", mode, PERIOD, count, "DIR", env=at(target) if target else None)

        found = alternate(rounds, **{name: (lambda target=target: run(target)) for name, target in targets.items()})
    medians = {name: {key: middle(runs, key) for key in ("p50", "p99", "p999", "max")} for name, runs in found.items()}
    base = medians["offline"]
    for name, values in medians.items():
        if name == "offline":
            result.row("C columns, 3 doubles, offline: p50 / p99 / p99.9 / max", line(values))
            continue
        # Unchanged: within what offline itself varies, and never beyond the bar of a call.
        spread = max(run["p999"] for run in found["offline"])
        result.row(
            f"  the same online, server {name}", line(values), f"offline {line(base)}",
            f"p99.9 {values['p999'] / max(base['p999'], 1):.2f}", "p99.9 unchanged (1.2 of offline's worst round)",
            values["p999"] <= max(1.2 * spread, 1.2 * base["p999"]))
    few = sizes(5000, 1000)
    theirs = {mode: python("wandb", "calls", few, server, WANDB_MODE=mode)[0] for mode in ("offline", "online")}
    mine = {mode: python("quipu", "calls", few, server, WANDB_MODE=mode)[0] for mode in ("offline", "online")}
    for mode in ("offline", "online"):
        result.row(f"Python run.log({{3 floats}}), {mode}: p50 / p99 / p99.9 / max", line(mine[mode]),
                   f"wandb {line(theirs[mode])}" if theirs[mode] else "wandb is not installed",
                   times(theirs[mode]["p50"] / mine[mode]["p50"]) if theirs[mode] else "")
    result.note(f"online calls: {count:,} a round, {rounds} rounds in turn, medians of the rounds, one call every "
                f"{PERIOD // 1000} us; Python: {few:,} calls, one a millisecond.")


def start(result, server):
    with Relay(server, delay=1.0) as far:
        found = alternate(sizes(10, 3), start=lambda: native("online", "start", "DIR", env=at(far)))["start"]
        theirs = [python("wandb", "start", 0, far)[0] for _ in range(sizes(3, 1))]
        mine = [python("quipu", "start", 0, far)[0] for _ in range(sizes(3, 1))]
    first = middle(found, "first_ms")
    other = middle(theirs, "start_ms")
    result.row("start online, server 1 s away, C, first in its process", f"{first:.2f} ms",
               f"wandb.init {other:.0f} ms" if other else "", times(other / first) if other else "", "20 ms",
               first <= 20)
    result.row("  a later run in the same process", f"{middle(found, 'later_ms'):.2f} ms")
    result.row("  Python init()", f"{middle(mine, 'start_ms'):.2f} ms", f"wandb {other:.0f} ms" if other else "",
               times(other / middle(mine, "start_ms")) if other else "")


def upload(result, server):
    count = sizes(1_000_000, 100_000)
    few = sizes(100_000, 10_000)

    def native_rows():
        with Place() as place:
            words = [os.path.join(PROGRAMS, "online"), "rows", str(count), place]
            found, peak = watched(words, place, 600, at(server))
            if found["acknowledged"] != count:
                raise RuntimeError(f"{found['acknowledged']} of {count} rows were acknowledged")
            return {**found, "peak": peak}

    c = [native_rows() for _ in range(sizes(3, 1))]
    mine = []
    for number in range(sizes(3, 1)):
        found, peak = python("quipu", "rows", count, server, BENCH_RUN=f"quipu{number}")
        arrived = server.rows("bench", f"quipu{number}")
        if arrived != count:
            raise RuntimeError(f"{arrived} of {count} rows are on the server")
        mine.append({**found, "peak": peak})
    theirs, peak = python("wandb", "rows", few, server, BENCH_RUN="wandb0")
    wall, own = middle(mine, "wall_s"), middle(mine, "peak")
    scale = count / few
    if theirs:
        scaled = theirs["wall_s"] * scale
        result.row(
            f"{count:,} rows of 3 floats, Python, until all are acknowledged", f"{wall:.2f} s",
            f"wandb {theirs['wall_s']:.1f} s for {few:,}: {scaled:.0f} s", times(scaled / wall), "10x",
            scaled / wall >= 10)
        result.row(
            "  peak memory, children included", mebibytes(own), f"wandb {mebibytes(peak)} ({few:,} rows)",
            f"{own / peak:.2f}", "0.25", own <= peak / 4)
    result.row(
        f"{count:,} rows, C, until all are acknowledged", f"{middle(c, 'wall_s'):.2f} s",
        f"logged after {middle(c, 'logged_s'):.2f} s, {middle(c, 'requests'):.0f} requests")
    result.row("  peak memory of the process", mebibytes(middle(c, "peak")))
    result.note(f"online rows: medians of {sizes(3, 1)} rounds; wandb once with {few:,} rows, its wall time multiplied "
                f"by {scale:.0f} (it grows with the rows); memory: VmRSS of the process and its children, every 20 ms")

    sent = {}
    for library in ("quipu", "wandb"):
        with Relay(server) as relay:
            found, _ = python(library, "rows", few, relay, BENCH_RUN=f"bytes{library}")
            if found:
                sent[library] = relay.sent
    if len(sent) == 2:
        ratio = sent["quipu"] / sent["wandb"]
        result.row(f"bytes sent for {few:,} rows, everything included", f"{sent['quipu']:,}",
                   f"wandb {sent['wandb']:,}", f"{ratio:.3f}", "1.05", ratio <= 1.05)


def drained(result, server):
    found = [native("online", "drained", 10_000, "DIR", env=at(server)) for _ in range(sizes(5, 2))]
    theirs, _ = python("wandb", "drained", 1000, server, BENCH_RUN="drainedw")
    finish = middle(found, "finish_ms")
    result.row("finish of a run whose rows have been acknowledged", f"{finish:.1f} ms",
               f"wandb {theirs['finish_ms']:.0f} ms" if theirs else "",
               times(theirs["finish_ms"] / finish) if theirs else "", "100 ms", finish <= 100)


def readable(result, server):
    """From the call to the first answer of the server that knows the row."""
    def run(library, count):
        run_id = f"late{library}"
        seen, ended = {}, threading.Event()

        def watch():
            while not ended.is_set():
                have = server.rows("bench", run_id)
                now = time.time()
                for number in range(have):
                    seen.setdefault(number, now)
                time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            found, _ = python(library, "latency", count, server, BENCH_RUN=run_id)
        finally:
            ended.set()
            watcher.join()
        if not found:
            return None
        if len(seen) != count:
            raise RuntimeError(f"{len(seen)} of {count} rows could be read")
        return sorted(seen[number] - called for number, called in enumerate(found["times"]))

    mine, theirs = run("quipu", sizes(30, 8)), run("wandb", sizes(30, 8))
    result.row("a row is readable after its call: median / worst",
               f"{statistics.median(mine):.2f} s / {mine[-1]:.2f} s",
               f"wandb {statistics.median(theirs):.1f} s / {theirs[-1]:.1f} s" if theirs else "",
               times(theirs[-1] / mine[-1]) if theirs else "", "2 s", mine[-1] <= 2)


def resident(result, server):
    marks = sizes((100_000, 1_000_000), (20_000, 100_000))
    found = [native("memory", LIBRARY, "DIR", *marks, env=at(server)) for _ in range(sizes(3, 1))]
    for index, rows in enumerate(marks):
        added = middle([run[2 + index] for run in found], "added_kb")
        result.row(f"resident memory added by library, run and upload, {rows:,} rows acknowledged" if index == 0
                   else f"  after {rows:,} rows", mebibytes(added), bar="16 MB", passed=added <= 16 * 1024)
    peak = middle([run[3] for run in found], "peak_kb")
    result.row("  the most on the way", mebibytes(peak))
