"""A table of 100,000 rows and 4 columns (integer, float, text, boolean) from a Python list of rows: build and log.
A table of a million rows and 8 columns from arrays and lists of texts: until its files are on disk."""

from bench import alternate, middle, peer, sizes, times


def seconds(value):
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s"


def measure(result):
    count, rounds = sizes(100_000, 5000), sizes(3, 1)
    found = alternate(
        rounds, quipu=lambda: peer("quipu", "table", count), wandb=lambda: peer("wandb", "table", count)
    )  # fmt: skip
    build, log, flush = (middle(found["quipu"], key) for key in ("build_s", "log_s", "flush_s"))
    if found["wandb"][0] is None:
        result.row(f"table, {count:,} x 4, build + log", seconds(build + log), "wandb is not installed", bar="20x")
        return
    their_build, their_log = middle(found["wandb"], "build_s"), middle(found["wandb"], "log_s")
    theirs = their_build + their_log
    written = {
        name: [middle(found[name], key) for key in ("file_bytes", "artifact_bytes")] for name in ("quipu", "wandb")
    }
    result.row(
        f"table, {count:,} x 4, build + log",
        f"{seconds(build + log)} (build {seconds(build)})",
        f"wandb {seconds(theirs)} (build {seconds(their_build)})",
        times(theirs / (build + log)),
        "20x",
        theirs / (build + log) >= 20,
    )
    result.row(
        "  the same until the file is on disk",
        seconds(build + log + flush),
        f"wandb writes inside log(): {seconds(theirs)}",
        times(theirs / (build + log + flush)),
        "20x",
        theirs / (build + log + flush) >= 20,
    )
    result.note(
        f"table: {rounds} rounds in turn, medians; bytes of the run's file (10,000 rows) and of the artifact (all): "
        + "; ".join(f"{name} {own:,.0f} and {every:,.0f}" for name, (own, every) in written.items())
    )
    whole_columns(result)


def whole_columns(result):
    count, few, rounds = sizes(1_000_000, 20_000), sizes(20_000, 2000), sizes(3, 1)
    found = alternate(
        rounds, quipu=lambda: peer("quipu", "columns", count), wandb=lambda: peer("wandb", "columns", few)
    )  # fmt: skip
    build, file = (middle(found["quipu"], key) for key in ("build_s", "file_s"))
    theirs = "wandb is not installed"
    if found["wandb"][0] is not None:
        scaled = (middle(found["wandb"], "build_s") + middle(found["wandb"], "file_s")) * count / few
        theirs = f"wandb {seconds(scaled)}, from {few:,} rows"
    result.row(
        f"table, {count:,} x 8 by columns, until the file is on disk",
        f"{seconds(build + file)} (build {seconds(build)})",
        theirs,
        "",
        "2 s",
        build + file <= 2,
    )
