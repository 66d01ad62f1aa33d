"""A point cloud of 300,000 x 6 doubles: from the call until the file is written, and what the caller waits."""

from bench import alternate, middle, peer, sizes, times


def milliseconds(value):
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s"


def measure(result):
    count, rounds = sizes(300_000, 5000), sizes(3, 1)
    found = alternate(
        rounds, quipu=lambda: peer("quipu", "points", count), wandb=lambda: peer("wandb", "points", count)
    )  # fmt: skip
    call, written, copy = (middle(found["quipu"], key) for key in ("call_s", "written_s", "copy_s"))
    theirs = None if found["wandb"][0] is None else middle(found["wandb"], "written_s")
    result.row(
        f"point cloud, {count:,} x 6 doubles, call to file written",
        milliseconds(written),
        "wandb is not installed" if theirs is None else f"wandb {milliseconds(theirs)}",
        "" if theirs is None else times(theirs / written),
        "20x",
        None if theirs is None else theirs / written >= 20,
    )
    result.row("  the caller waits", milliseconds(call), f"numpy copy of the points {milliseconds(copy)}")
    result.note(
        f"points: {rounds} rounds in turn of 5 clouds each, medians; the first cloud of a round read back and compared; "
        f"files of {middle(found['quipu'], 'bytes'):,.0f} bytes"
    )
