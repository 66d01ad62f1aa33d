"""Pictures: PNG against Pillow's default (time to the file, its size), the caller's wait against a memcpy, JPEG, and the
memory that logging as fast as possible takes.

The photographs come out of the wheel of scikit-image, fetched for the measurement and not kept in the project: no file
there is 1024 x 1024, so one picture is put together from four photographs at their own resolution, another is a crop of
one. Without a network a synthetic picture takes their place, and the table says so.
"""

import glob
import io
import os
import subprocess
import sys
import time
import zipfile
from ctypes import byref, c_void_p

from bench import Place, duration, native, sizes, times

WHEEL = "scikit-image==0.26.0"


def photographs(np, Image):
    """title -> pixels"""
    with Place() as place:
        given = os.environ.get("BENCH_PHOTOS_WHEEL")
        if not given:
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", place, WHEEL],
                check=True, timeout=180, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )  # fmt: skip
        with zipfile.ZipFile(given or glob.glob(os.path.join(place, "*.whl"))[0]) as wheel:

            def pixels(name):
                return np.asarray(Image.open(io.BytesIO(wheel.read(f"skimage/data/{name}"))).convert("RGB"))

            def tile(name):
                picture = pixels(name)[:512, :512]
                missing = [(0, 512 - picture.shape[0]), (0, 512 - picture.shape[1]), (0, 0)]
                return np.pad(picture, missing, mode="reflect")

            top = np.concatenate([tile("astronaut.png"), tile("coffee.png")], axis=1)
            bottom = np.concatenate([tile("motorcycle_left.png"), tile("chelsea.png")], axis=1)
            mosaic = np.ascontiguousarray(np.concatenate([top, bottom], axis=0))
            one = np.ascontiguousarray(pixels("retina.jpg")[190:1214, 190:1214])
    return {"four photographs side by side": mosaic, "a crop of one (retina)": one}


def synthetic(np):
    """Noise whose power falls as in photographs (1 / f), with edges laid over it."""
    noise = np.random.default_rng(11)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(1024), np.fft.fftfreq(1024)))
    frequency[0, 0] = 1
    planes = []
    shared = noise.normal(size=(1024, 1024))
    for _ in range(3):
        spectrum = np.fft.fft2(0.9 * shared + 0.1 * noise.normal(size=(1024, 1024))) / frequency**1.2
        plane = np.real(np.fft.ifft2(spectrum))
        planes.append((plane - plane.mean()) / plane.std() * 45 + 120)
    picture = np.stack(planes, axis=2)
    y, x = np.mgrid[0:1024, 0:1024]
    for _ in range(24):
        cy, cx, r = noise.uniform(0, 1024, 2).tolist() + [noise.uniform(20, 160)]
        picture[(y - cy) ** 2 + (x - cx) ** 2 < r * r] += noise.uniform(-60, 60, 3)
    return {"synthetic, 1/f noise and edges": np.clip(picture, 0, 255).astype(np.uint8)}


def masks(np):
    """A flat mask of eight classes: as labels, and in colours."""
    random = np.random.default_rng(7)
    y, x = np.mgrid[0:1024, 0:1024]
    labels = np.zeros((1024, 1024), np.uint8)
    for number in range(24):
        cy, cx, r = random.uniform(0, 1024, 2).tolist() + [random.uniform(20, 160)]
        labels[(y - cy) ** 2 + (x - cx) ** 2 < r * r] = number % 8
    colours = random.integers(0, 256, (8, 3)).astype(np.uint8)
    return {"a flat mask of labels": labels, "a flat mask in colours": colours[labels]}


def measure(result):
    written(result)
    caller(result)
    memory(result)


def caller(result):
    """64 pictures of 256 x 256 RGB in one row: nothing but the copy should be on the caller's time."""
    middle = lambda key: sorted(round_[key] for round_ in rounds)[len(rounds) // 2]  # noqa: E731
    rounds = native("images", "DIR", "row", sizes(40, 8))[1:]
    plain = middle("memcpy_ns")
    for name, key in (("one by one", "single_ns"), ("as a batch", "batch_ns")):
        ratio = middle(key) / plain
        result.row(
            f"64 images 256 x 256 RGB in one row, C, {name}: caller's time", duration(middle(key)),
            f"memcpy of the pixels {duration(plain)}", f"{ratio:.2f} of it", "1.5 of it", ratio <= 1.5,
        )  # fmt: skip
    result.note("image: memcpy into memory that was touched before; the first of the rounds is left out")
    try:
        python_caller(result)
    except ImportError:
        result.note("image: numpy is not installed; the caller's time in Python is not measured")


def python_caller(result):
    import numpy as np
    from bench import LIBRARY, ROOT

    os.environ["QUIPU_LIBRARY"] = LIBRARY
    sys.path.insert(0, os.path.join(ROOT, "bindings", "python"))
    import quipu

    pixels = np.random.default_rng(3).integers(0, 256, (64, 256, 256, 3)).astype(np.uint8)
    copy = pixels.copy()
    found = {"copy": [], "list": [], "batch": []}
    with Place() as place:
        run = quipu.init(project="bench", mode="offline", dir=place, settings={"silent": True, "console": "off"})
        for number in range(sizes(30, 6)):
            a = time.perf_counter_ns()
            np.copyto(copy, pixels)
            b = time.perf_counter_ns()
            run.log({"list": [quipu.Image(picture) for picture in pixels]})
            c = time.perf_counter_ns()
            quipu._ffi.lib.quipu_run_flush(run._handle, -1, None)
            d = time.perf_counter_ns()
            run.log({"batch": quipu.Image.from_batch(pixels)})
            e = time.perf_counter_ns()
            quipu._ffi.lib.quipu_run_flush(run._handle, -1, None)
            if number:
                for key, value in (("copy", b - a), ("list", c - b), ("batch", e - d)):
                    found[key].append(value)
        run.finish()
    middle = {key: sorted(values)[len(values) // 2] for key, values in found.items()}
    for name, key in (("a list of Image", "list"), ("Image.from_batch", "batch")):
        ratio = middle[key] / middle["copy"]
        result.row(
            f"  the same from Python: {name}", duration(middle[key]), f"numpy.copyto {duration(middle['copy'])}",
            f"{ratio:.2f} of it", "1.5 of it", ratio <= 1.5,
        )  # fmt: skip


def memory(result):
    """1,000 pictures of 512 x 512 RGB (750 MB of pixels) from one buffer, as fast as the calls allow."""
    count = sizes(1000, 200)
    for limit in (256 << 20, 64 << 20):
        found = native("images", "DIR", "memory", count, limit)
        # What waits, what two encoders hold, and what is kept for the next pictures.
        bar = limit / 1024 + 64 * 1024
        result.row(
            f"{count:,} images 512 x 512 RGB as fast as possible: peak memory, media_memory_bytes {limit >> 20} MiB",
            f"{found['peak_kb'] / 1024:.0f} MiB", f"{count * 0.75:,.0f} MiB of pixels; "
            f"calls {duration(found['logged_ns'])}, files {duration(found['written_ns'])}",
            bar="the setting + 64 MiB", passed=found["peak_kb"] <= bar,
        )  # fmt: skip


def written(result):
    try:
        import numpy as np
        from PIL import Image
    except ImportError:
        result.note("image: numpy or Pillow is not installed")
        return
    try:
        pictures = photographs(np, Image)
        result.note(f"image: photographs from the wheel of {WHEEL}")
    except Exception as problem:  # no network, another layout: the measurement goes on with another picture
        pictures = synthetic(np)
        result.note(f"image: no photographs ({type(problem).__name__}); the picture is synthetic")
    from parts import library

    rounds = sizes(15, 3)
    bars = dict.fromkeys(pictures, (8, 1.05))
    flat = masks(np)
    bars.update(dict.fromkeys(flat, (3, 1.5)))
    for title, pixels in {**pictures, **flat}.items():
        with Place() as place:
            os.environ.update(WANDB_MODE="offline", WANDB_DIR=place, WANDB_SILENT="true")
            run = library.make(library.lib.quipu_run_start, None)
            view = library.view(pixels)
            folder = os.path.join(library.lib.quipu_run_directory(run).decode(), "files", "media", "images")
            theirs, ours, waits = [], [], []
            for i in range(rounds):
                path = os.path.join(place, f"pillow-{i}.png")
                a = time.perf_counter_ns()
                Image.fromarray(pixels).save(path)
                b = time.perf_counter_ns()
                image = library.make(library.lib.quipu_image_new, byref(view), None)
                item = library.Item(key=b"photo", type=library.TYPE_MEDIA, media=image)
                library.must(library.lib.quipu_run_log_items(run, byref(item), 1, -1, 0, None), "log")
                c = time.perf_counter_ns()
                library.must(library.lib.quipu_run_flush(run, 60000, None), "flush")
                d = time.perf_counter_ns()
                library.lib.quipu_media_free(image)
                if len(os.listdir(folder)) != i + 1:
                    raise RuntimeError("the picture is not on disk after flush")
                theirs.append(b - a)
                waits.append(c - b)
                ours.append(d - b)
            copies = []
            for _ in range(rounds):
                a = time.perf_counter_ns()
                pixels.copy()
                copies.append(time.perf_counter_ns() - a)
            theirs_bytes = os.path.getsize(path)
            newest = max(glob.glob(os.path.join(folder, "*.png")), key=os.path.getmtime)
            ours_bytes = os.path.getsize(newest)
            if not np.array_equal(np.asarray(Image.open(newest).convert(Image.fromarray(pixels).mode)), pixels):
                raise RuntimeError("the picture reads back with other pixels")
            library.must(library.lib.quipu_run_finish(run, 0, -1, None), "finish")
            library.lib.quipu_run_free(c_void_p(run.value))
        middle = lambda values: sorted(values)[len(values) // 2]  # noqa: E731
        ratio, size = middle(theirs) / middle(ours), ours_bytes / theirs_bytes
        speed, most = bars[title]
        result.row(
            f"PNG of 1024 x 1024, to the file: {title}",
            f"{duration(middle(ours))}, {ours_bytes:,} bytes",
            f"Pillow {duration(middle(theirs))}, {theirs_bytes:,} bytes",
            f"{times(ratio)}, size {size:.3f}",
            f"{speed}x, size {most}",
            ratio >= speed and size <= most,
        )
        result.row(
            "  the caller waits (quipu_image_new + log)",
            duration(middle(waits)),
            f"numpy copy of the pixels {duration(middle(copies))}",
            bar="the copy only",
        )
    result.note(f"image: {rounds} pairs in turn, medians; every picture read back with Pillow and compared")
