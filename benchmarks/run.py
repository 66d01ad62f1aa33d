"""Runs the parts, prints the table and keeps it in RESULTS.md."""

import datetime
import importlib
import os
import platform
import shutil
import subprocess
import sys
import time

import bench
import parts


def wait_for_quiet():
    """Waits until other programs leave the processors alone; answers a sentence on how it went."""
    limit = float(os.environ.get("BENCH_WAIT", "0" if bench.QUICK else "300"))
    began = time.monotonic()
    while True:
        with bench.Weather() as weather:
            time.sleep(3)
        if weather.others < 0.05:
            return f"quiet at the start (others used {weather.others:.0%} of the processors, load {bench.load():.2f})"
        if time.monotonic() - began >= limit:
            return (
                f"NOT quiet at the start: others used {weather.others:.0%} of the processors, load {bench.load():.2f}, "
                f"after waiting {time.monotonic() - began:.0f} s"
            )
        print(f"waiting for a quiet moment: others use {weather.others:.0%} of the processors", flush=True)


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.splitlines()[0].strip()
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "unknown"


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    file_system = first_line(["stat", "-f", "-c", "%T", bench.PLACE])
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {platform.machine()}; {system}, Linux "
        f"{platform.release()}, glibc {platform.libc_ver()[1]}; runs on {file_system}"
    )


def versions():
    with open(os.path.join(bench.ROOT, "VERSION")) as file:
        commit = first_line(["git", "-C", bench.ROOT, "describe", "--always", "--dirty"])
        found = [f"Quipu {file.read().strip()} ({commit})"]
    swift = os.environ.get("SWIFT") or shutil.which("swift")
    if swift:
        found.append(first_line([swift, "--version"]).split("(")[0].strip())
    found.append(f"Python {platform.python_version()}")
    for name in ("wandb", "trackio", "tensorboardX", "numpy", "pillow"):
        found.append(f"{name} {bench.installed(name) or 'not installed'}")
    return ", ".join(found)


def aligned(rows):
    """The table for a terminal."""
    table = [("what", "Quipu", "peer", "ratio", "bar", "")]
    table += [(r.what, r.ours, r.peer, r.ratio, r.bar, r.verdict.strip("*")) for r in rows]
    widths = [max(len(line[i]) for line in table) for i in range(6)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table)


def markdown(rows):
    lines = ["| what | Quipu | peer | ratio | bar | |", "|---|---|---|---|---|---|"]
    for r in rows:
        what = "&nbsp;&nbsp;" + r.what.strip() if r.what.startswith(" ") else r.what
        cells = (what, r.ours, r.peer, r.ratio, r.bar, r.verdict)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def main():
    wanted = [name for name in os.environ.get("BENCH_ONLY", "").split(",") if name] or list(parts.ORDER)
    unknown = set(wanted) - set(parts.ORDER)
    if unknown:
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts.ORDER)}")
    quiet = wait_for_quiet()
    print(quiet, flush=True)
    result = bench.Result()
    weather_lines, failures = [], []
    for name in parts.ORDER:
        if name not in wanted:
            continue
        before = len(result.rows)
        with bench.Weather() as weather:
            try:
                importlib.import_module(f"parts.{name}").measure(result)
            except Exception as problem:  # one part that fails must not hide the others
                failures.append(name)
                result.row(name, f"FAILED: {str(problem)[:300]}")
        weather_lines.append(
            f"| {name} | {weather.seconds:.0f} s | {weather.load:.2f} | {weather.others:.0%} |"
        )
        print(f"\n{name}: {weather.seconds:.0f} s, others used {weather.others:.0%} of the processors", flush=True)
        print(aligned(result.rows[before:]), flush=True)

    held = [row for row in result.rows if row.passed is not None]
    total = f"{sum(row.passed for row in held)} of {len(held)} bars held"
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    print(f"\n{aligned(result.rows)}\n")
    for figure in result.figures:
        print(figure + "\n")
    for note in result.notes:
        print("- " + note)
    print(total)

    text = [
        "# The last table", "",
        "Written by `make bench`; not edited. Every figure and its peer come from one run on one machine, taken in",
        "turn. `short` marks a bar that was missed. Latencies are net of the clock's own cost.", "",
        f"- {now}", f"- {machine()}", f"- {versions()}", f"- {quiet}", f"- {total}", "", markdown(result.rows), "",
        *(f"- {note}" for note in result.notes), "",
    ]  # fmt: skip
    for figure in result.figures:
        text += ["```", figure, "```", ""]
    text += [
        "Weather: the load average when a part began, and the share of all processors that was neither idle nor spent",
        "in the benchmark's own processes (the kernel's work for the disk counts as others').", "",
        "| part | took | load | others |", "|---|---|---|---|", *weather_lines, "",
    ]  # fmt: skip
    if bench.QUICK or set(wanted) != set(parts.ORDER):
        print("quick or partial run: benchmarks/RESULTS.md stays as it is")
    else:
        with open(os.path.join(bench.HERE, "RESULTS.md"), "w", encoding="utf-8") as file:
            file.write("\n".join(text))
        print("kept in benchmarks/RESULTS.md")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
