"""Size of the stripped, self-contained library, and what it needs to load."""

import os
import subprocess

from bench import LIBRARY


def measure(result):
    size = os.path.getsize(LIBRARY)
    needs = subprocess.run(["ldd", LIBRARY], capture_output=True, text=True).stdout
    names = [line.split()[0] for line in needs.splitlines() if line.strip()]
    swift = [name for name in names if "swift" in name.lower()]
    symbols = subprocess.run(["readelf", "-SW", LIBRARY], capture_output=True, text=True).stdout
    stripped = ".symtab" not in symbols
    result.row(
        "libquipu.so, stripped, self-contained",
        f"{size / 1e6:.2f} MB",
        bar="8 MB, no Swift runtime outside",
        passed=size <= 8e6 and stripped and not swift,
    )
    result.note(
        f"size: {size:,} bytes, {'stripped' if stripped else 'NOT stripped'}; needs "
        + ", ".join(os.path.basename(name) for name in names if not name.startswith(("linux-vdso", "/lib64/ld")))
    )
