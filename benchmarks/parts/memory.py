"""Resident memory that the library and one busy run add to a bare process, and whether it grows with the rows."""

from bench import LIBRARY, alternate, middle, native, peer, sizes


def mebibytes(kb):
    return f"{kb / 1024:.1f} MiB"


def measure(result):
    marks = sizes((1_000_000, 10_000_000), (100_000, 1_000_000))
    found = alternate(sizes(3, 1), run=lambda: native("memory", LIBRARY, "DIR", *marks))["run"]
    at = lambda index, key: middle([run[index] for run in found], key)  # noqa: E731
    count = sizes(20_000, 2000)
    peers = {name: peer(name, "memory", count) for name in ("quipu", "wandb", "trackio", "tensorboardX")}

    def text(name):
        reading = peers[name]
        if reading is None:
            return f"{name} is not installed"
        total = mebibytes(reading["own_kb"] + reading["children_kb"])
        children = f", {reading['children']} child processes {mebibytes(reading['children_kb'])}"
        return f"{name} {total} (own {mebibytes(reading['own_kb'])}{children if reading['children'] else ''})"

    small, large = at(2, "added_kb"), at(3, "added_kb")
    flat = large - small <= 256
    # 12 MB is read as 12 MiB = 12,288 kB of the kernel's counting.
    result.row(
        f"resident memory added, C, after {marks[0]:,} rows",
        mebibytes(small),
        f"{text('wandb')} after {count:,} rows",
        f"{(peers['wandb']['own_kb'] + peers['wandb']['children_kb']) / small:.1f}x" if peers["wandb"] else "",
        "12 MB",
        small <= 12 * 1024,
    )
    result.row(
        f"  after {marks[1]:,} rows", f"{mebibytes(large)} ({large - small:+.0f} kB)", bar="12 MB, flat",
        passed=flat and large <= 12 * 1024,
    )  # fmt: skip
    result.row(
        "  of which private / library file / ring in shared memory",
        " / ".join(mebibytes(at(3, key)) for key in ("anonymous_kb", "file_kb", "shared_kb")),
    )
    for name in ("trackio", "tensorboardX"):
        result.row("  the same from Python (import included)", text("quipu"), text(name))
    result.note(
        "memory: VmRSS less that of the same process before it opened the library; pages of the library's file that "
        "other processes could share count in full. Peers: less the bare interpreter, children included, one second "
        "after the last row."
    )
