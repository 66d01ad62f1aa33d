"""64 frames of 3 x 128 x 128 to GIF: from the call until the file is written, what the caller waits, and how near the
shown frames are to the given ones."""

import math

from bench import alternate, duration, middle, native, peer, sizes, times


def quality(error):
    return "exact" if error == 0 else f"{10 * math.log10(255**2 / error):.1f} dB"


def measure(result):
    count, rounds = sizes(64, 8), sizes(3, 1)
    found = alternate(
        rounds, quipu=lambda: peer("quipu", "video", count), wandb=lambda: peer("wandb", "video", count)
    )  # fmt: skip
    known = found["wandb"][0] is not None
    for content, title in (("camera", "with noise, thousands of colours"), ("game", "of few colours")):
        own = {key: middle(found["quipu"], content, key) for key in ("call_s", "written_s", "copy_s", "bytes", "error")}
        theirs = {key: middle(found["wandb"], content, key) for key in own} if known else None
        ratio = theirs["written_s"] / own["written_s"] if known else None
        better = known and own["error"] <= theirs["error"]
        result.row(
            f"video {count} x 3 x 128 x 128 {title}, to GIF",
            f"{duration(own['written_s'] * 1e9)}, {own['bytes']:,.0f} bytes, {quality(own['error'])}",
            "wandb is not installed"
            if not known
            else f"wandb {duration(theirs['written_s'] * 1e9)}, {theirs['bytes']:,.0f} bytes, {quality(theirs['error'])}",
            times(ratio) if known else "",
            "5x, not farther from the frames",
            ratio >= 5 and better if known else None,
        )
        result.row(
            "  the caller waits, Python", duration(own["call_s"] * 1e9),
            f"numpy copy of the frames {duration(own['copy_s'] * 1e9)}",
        )  # fmt: skip
    found = native("video", "DIR", sizes(60, 8))[1:]
    call, plain = middle(found, "call_ns"), middle(found, "memcpy_ns")
    result.row(
        "  the caller waits, C", duration(call), f"memcpy of the frames {duration(plain)}", f"{call / plain:.2f} of it",
        "1.5 of it", call / plain <= 1.5,
    )  # fmt: skip
    result.note(
        f"video: {rounds} rounds in turn of 5 videos each, medians; all files read back with Pillow; "
        "memcpy into memory that was touched before"
    )
