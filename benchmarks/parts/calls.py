"""What a log call costs its caller: C, C++, Swift, Python, and the peers' Python calls in the same run.

Latencies are net: the cost of a pair of clock readings (its median, measured in the same process) is taken off. The
calls are paced, one every 5 us, so that the writer thread works beside the caller as it does beside a training loop.
The mean comes from bursts without a clock inside. `none` is the same loop without a call: the machine's own noise.
"""

import os

from bench import PROGRAMS, alternate, duration, middle, native, peer, sizes, times

PERIOD = 5000


def line(results, key="p50"):
    return " / ".join(duration(middle(results, name)) for name in ("p50", "p99", "p999", "max"))


def measure(result):
    calls, rounds = sizes(2_000_000, 200_000), sizes(3, 1)
    programs = {
        "none": ("call_cost", "none"),
        "C columns, 3 doubles": ("call_cost", "columns"),
        "C quipu_run_log, 1 double": ("call_cost", "log"),
        "C quipu_run_log_doubles, 3": ("call_cost", "doubles"),
        "C quipu_run_log_items, 3": ("call_cost", "items"),
        "C++ Columns<3>": ("call_cost_cpp", "columns"),
        "C++ run.log({{key, x}, ...}), 3": ("call_cost_cpp", "values"),
    }
    if os.path.exists(os.path.join(PROGRAMS, "callcost")):
        programs["Swift ColumnSet, 3"] = ("callcost", "columns")
        programs["Swift run.log([key: x, ...]), 3"] = ("callcost", "values")
    else:
        result.note("Swift calls: not measured, its program was not built")

    found = alternate(
        rounds, **{name: (lambda p=p: native(p[0], p[1], PERIOD, calls, "DIR")) for name, p in programs.items()}
    )
    noise = found.pop("none")
    for name, runs in found.items():
        if any(run["failed"] for run in runs):
            raise RuntimeError(f"{name}: calls failed")
        p50, p999 = middle(runs, "p50"), middle(runs, "p999")
        by_handle = name.startswith("C columns")
        result.row(
            f"{name}: p50 / p99 / p99.9 / max",
            line(runs),
            f"empty loop {line(noise)}" if by_handle else "",
            bar="p50 150 ns, p99.9 5 us" if by_handle else "",
            passed=(p50 <= 150 and p999 <= 5000) if by_handle else None,
        )
        if by_handle:
            result.row("  the same, mean in bursts of 10,000, no clock inside", duration(middle(runs, "burst_mean_ns")))
    back = alternate(rounds, columns=lambda: native("call_cost", "columns", 0, calls, "DIR"))["columns"]
    result.row("  the same, back to back (the caller outruns the writer: a full ring makes it wait)", line(back))
    result.note(
        f"calls: {calls:,} a round, {rounds} rounds, medians of the rounds; one call every {PERIOD // 1000} us; net of "
        f"a clock pair of {middle(noise, 'clock_ns'):.0f} ns. The empty loop shows what the machine itself does to "
        "p99.9 and max."
    )

    count = sizes(100_000, 5000)
    few = sizes(20_000, 2000)
    python = alternate(
        rounds,
        quipu=lambda: peer("quipu", "calls", count),
        wandb=lambda: peer("wandb", "calls", few),
        trackio=lambda: peer("trackio", "calls", few),
        tensorboardX=lambda: peer("tensorboardX", "calls", few),
    )
    ours = middle(python["quipu"], "p50")
    names = {"wandb": "wandb offline", "trackio": "trackio local", "tensorboardX": "tensorboardX, 3 add_scalar"}
    for name, call in names.items():
        theirs = middle(python[name], "p50")
        ratio = theirs / ours if theirs else None
        bar = name == "wandb"
        result.row(
            "Python run.log({3 floats}): p50 / p99 / p99.9 / max" if bar else "  the same",
            line(python["quipu"]) if bar else duration(ours),
            f"{call} {line(python[name])}" if theirs else f"{name} is not installed",
            times(ratio),
            "p50 3 us, 30x wandb" if bar else "",
            (ours <= 3000 and ratio >= 30) if bar and ratio else None,
        )
    result.note(
        f"Python: {count:,} calls for Quipu (emptied every 5,000, outside the timed call), {few:,} for the peers, "
        f"{rounds} rounds in turn; peers with their default settings (system metrics, metadata, console as they come), "
        "trackio without hardware metrics."
    )
