"""ROC and precision-recall curves of a million samples and two classes: what the caller waits, and until the file is
there."""

from bench import alternate, duration, middle, peer, sizes, times


def measure(result):
    count, rounds = sizes(1_000_000, 20_000), sizes(3, 1)
    for task, name in (("roc", "plot.roc_curve"), ("pr", "plot.pr_curve")):
        found = alternate(
            rounds, quipu=lambda: peer("quipu", task, count), wandb=lambda: peer("wandb", task, count)
        )  # fmt: skip
        call, log, flush = (middle(found["quipu"], key) for key in ("call_s", "log_s", "flush_s"))
        what = f"{name}, {count:,} float32 scores x 2, call + log"
        if found["wandb"][0] is None:
            result.row(what, duration((call + log) * 1e9), "wandb is not installed")
            continue
        theirs = middle(found["wandb"], "call_s") + middle(found["wandb"], "log_s")
        result.row(
            what,
            duration((call + log) * 1e9),
            f"wandb {duration(theirs * 1e9)}",
            times(theirs / (call + log)),
            "3x",
            theirs / (call + log) >= 3,
        )
        result.row(
            "  the same until the file is on disk",
            duration((call + log + flush) * 1e9),
            f"wandb writes inside log(): {duration(theirs * 1e9)}",
            times(theirs / (call + log + flush)),
            "3x",
            theirs / (call + log + flush) >= 3,
        )
    result.note(f"charts: {rounds} rounds in turn of 5 calls, medians; a curve is checked at the call and sorted later")
