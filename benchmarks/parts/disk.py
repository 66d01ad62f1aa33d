"""The same call while another process saturates the disk: the caller's p99.9 must not follow the disk.

Rounds in turn: quiet, loaded, quiet, loaded. The loaded rounds also run the empty loop, because a busy kernel takes the
processor away from any program; what the call adds to that is the library's share.
"""

import json
import os
import signal
import subprocess
import time

from bench import PROGRAMS, Place, duration, environment, middle, native, sizes
from parts.calls import PERIOD, line


class Load:
    def __enter__(self):
        self.place = Place()
        self.path = self.place.__enter__()
        self.process = subprocess.Popen(
            [os.path.join(PROGRAMS, "disk_load"), self.path], stdout=subprocess.PIPE, text=True, cwd=self.path,
            env=environment(self.path)
        )  # fmt: skip
        time.sleep(1)  # the page cache fills
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            out, _ = self.process.communicate(timeout=120)
            self.result = json.loads(out)
        finally:
            self.process.kill()
            self.place.__exit__()


def bars(title, columns):
    """Histograms side by side. Bar length is the logarithm of the share, so that one call in a million is visible."""
    import math

    lines = [title, ""]
    totals = {name: sum(counts) for name, counts in columns.items()}
    used = [k for k in range(40) if any(counts[k] for counts in columns.values())]
    if not used:
        return ""
    head = f"{'latency':>12}  " + "".join(f"{name:<42}" for name in columns)
    lines.append(head.rstrip())
    for k in range(used[0], used[-1] + 1):
        text = f"{'< ' + duration(2 ** (k + 1)):>12}  "
        for name, counts in columns.items():
            share = counts[k] / totals[name] if totals[name] else 0
            bar = "#" * max(1, round(3.5 * (math.log10(share) + 7))) if share else ""
            number = f"{share * 100:.5f}%" if share else ""
            text += f"{bar:<26}{number:<16}"
        lines.append(text.rstrip())
    return "\n".join(lines)


def measure(result):
    calls, rounds = sizes(2_000_000, 200_000), sizes(3, 1)
    quiet, loaded, floor, disk, still = [], [], [], [], []
    for _ in range(rounds):
        still.append(native("call_cost", "none", PERIOD, calls, "DIR"))
        quiet.append(native("call_cost", "columns", PERIOD, calls, "DIR"))
        with Load() as load:
            loaded.append(native("call_cost", "columns", PERIOD, calls, "DIR"))
            floor.append(native("call_cost", "none", PERIOD, calls, "DIR"))
        disk.append(load.result)
    slow, fast, base = middle(loaded, "p999"), middle(quiet, "p999"), middle(floor, "p999")
    result.row(
        "C columns beside a saturated disk: p50 / p99 / p99.9 / max",
        line(loaded),
        f"quiet disk {line(quiet)}",
        f"p99.9 {slow / max(1, fast):.2f} of quiet",
        "p99.9 5 us, does not follow the disk",
        slow <= 5000,
    )
    result.row(
        "  the empty loop beside it (what the busy kernel takes from anyone)", line(floor), f"quiet disk {line(still)}"
    )
    result.row(
        "  the disk meanwhile: a 64 KiB write with fsync, p50 / p99 / max",
        " / ".join(duration(middle(disk, name) * 1e6) for name in ("sync_p50_ms", "sync_p99_ms", "sync_max_ms")),
        f"{sum(d['megabytes'] for d in disk) / sum(d['seconds'] for d in disk):.0f} MB/s written",
    )
    result.note(
        f"disk: {calls:,} calls in each of {rounds} rounds; p99.9 of the call {duration(slow)} where the empty loop "
        f"has {duration(base)} beside the same load"
    )
    add = lambda runs: [sum(run["octaves"][k] for run in runs) for k in range(40)]  # noqa: E731
    result.figure(
        bars(
            "Latency of quipu_run_log_columns, share of calls (bar: logarithm of the share)",
            {"quiet disk": add(quiet), "saturated disk": add(loaded), "empty loop, saturated disk": add(floor)},
        )
    )
