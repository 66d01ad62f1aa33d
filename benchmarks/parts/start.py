"""Loading the library and starting a run offline, each time in a fresh process; beside wandb's import and init."""

from bench import LIBRARY, alternate, middle, native, peer, sizes, times


def milliseconds(value):
    return "-" if value is None else f"{value:.2f} ms" if value < 100 else f"{value:.0f} ms"


def measure(result):
    rounds = sizes(20, 3)
    native("start", LIBRARY, "DIR")  # fills the page cache
    found = alternate(rounds, start=lambda: native("start", LIBRARY, "DIR"))["start"]
    python = alternate(
        sizes(5, 1), quipu=lambda: peer("quipu", "start"), wandb=lambda: peer("wandb", "start"),
        trackio=lambda: peer("trackio", "start"), tensorboardX=lambda: peer("tensorboardX", "start")
    )  # fmt: skip
    theirs_import, theirs_start = middle(python["wandb"], "import_ms"), middle(python["wandb"], "start_ms")
    first, load = middle(found, "first_start_ms"), middle(found, "load_ms")
    result.row(
        "start of a run offline, C, first in its process",
        milliseconds(first),
        f"wandb.init(mode=\"offline\") {milliseconds(theirs_start)}",
        times(theirs_start / first) if theirs_start else "",
        "5 ms",
        first <= 5,
    )
    result.row("  a later run in the same process", milliseconds(middle(found, "later_start_ms")))
    result.row(
        "load of the library (dlopen, fresh process, page cache warm)",
        milliseconds(load),
        f"import wandb {milliseconds(theirs_import)}",
        times(theirs_import / load) if theirs_import else "",
        "5 ms",
        load <= 5,
    )
    ours = [middle(python["quipu"], "import_ms"), middle(python["quipu"], "start_ms")]
    for name in ("wandb", "trackio", "tensorboardX"):
        theirs = [middle(python[name], "import_ms"), middle(python[name], "start_ms")]
        known = theirs[0] is not None
        result.row(
            "Python: import quipu / init(mode=\"offline\")" if name == "wandb" else "  the same",
            " / ".join(map(milliseconds, ours)),
            f"{name} {' / '.join(map(milliseconds, theirs))}" if known else f"{name} is not installed",
            times(sum(theirs) / sum(ours)) + " together" if known else "",
        )
    result.note(f"start: medians of {rounds} fresh processes in C, of {sizes(5, 1)} in Python")
