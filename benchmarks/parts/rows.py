"""Rows per second until they are in the log file (page cache), the wait for the last one included."""

from bench import alternate, middle, native, peer, sizes, times


def thousands(value):
    return f"{value / 1e6:.2f} M rows/s" if value >= 1e6 else f"{value:,.0f} rows/s"


def measure(result):
    count, rounds = sizes(5_000_000, 500_000), sizes(5, 1)
    native("rows", 1, min(count, 1_000_000), "DIR")  # the first run pays for what the file system has to find
    found = alternate(
        rounds,
        one=lambda: native("rows", 1, count, "DIR"),
        four=lambda: native("rows", 4, count, "DIR"),
        python=lambda: peer("quipu", "rows", sizes(500_000, 20_000)),
        wandb=lambda: peer("wandb", "rows", sizes(20_000, 2000)),
        trackio=lambda: peer("trackio", "rows", sizes(10_000, 2000)),
        tensorboardX=lambda: peer("tensorboardX", "rows", sizes(20_000, 2000)),
    )
    titles = {"one": "C, one thread, 3 scalars, until on disk", "four": "  the same, four threads into one run"}
    for name, title in titles.items():
        speed = middle([{"v": run["rows"] / run["flushed_s"]} for run in found[name]], "v")
        megabytes = middle([{"v": run["bytes"] / run["flushed_s"] * 1e-6} for run in found[name]], "v")
        bytes_a_row = middle([{"v": run["bytes"] / run["rows"]} for run in found[name]], "v")
        cost = middle([{"v": run["processor_s"] / run["rows"] * 1e6} for run in found[name]], "v")
        result.row(
            title,
            f"{thousands(speed)}, {megabytes:.0f} MB/s, {bytes_a_row:.0f} bytes and {cost:.2f} us of processor a row",
            bar="1,000,000 rows/s" if name == "one" else "",
            passed=speed >= 1e6 if name == "one" else None,
        )
    ours = middle(found["python"], "rows_per_s")
    for name in ("wandb", "trackio", "tensorboardX"):
        theirs = middle(found[name], "rows_per_s")
        first = name == "wandb"
        result.row(
            "Python, one thread, 3 floats, until finish() returns" if first else "  the same",
            thousands(ours),
            f"{name} {thousands(theirs)}" if theirs else f"{name} is not installed",
            times(ours / theirs) if theirs else "",
        )
    result.note(
        f"rows: {count:,} rows a round in C (every row counted in the log afterwards), {rounds} rounds in turn, "
        "medians; processor time is that of all threads together, the caller's calls included"
    )
