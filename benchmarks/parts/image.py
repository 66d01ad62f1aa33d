"""A 1024 x 1024 RGB photograph to PNG, against Pillow's default: time to the file, its size, and the caller's wait.

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

from bench import Place, duration, sizes, times

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


def measure(result):
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
    for title, pixels in pictures.items():
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
            if not np.array_equal(np.asarray(Image.open(newest)), pixels):
                raise RuntimeError("the picture reads back with other pixels")
            library.must(library.lib.quipu_run_finish(run, 0, -1, None), "finish")
            library.lib.quipu_run_free(c_void_p(run.value))
        middle = lambda values: sorted(values)[len(values) // 2]  # noqa: E731
        ratio, size = middle(theirs) / middle(ours), ours_bytes / theirs_bytes
        result.row(
            f"PNG of a 1024 x 1024 RGB photo, to the file: {title}",
            f"{duration(middle(ours))}, {ours_bytes:,} bytes",
            f"Pillow {duration(middle(theirs))}, {theirs_bytes:,} bytes",
            f"{times(ratio)}, size {size:.3f}",
            "8x, size 1.05",
            ratio >= 8 and size <= 1.05,
        )
        result.row(
            "  the caller waits (quipu_image_new + log)",
            duration(middle(waits)),
            f"numpy copy of the pixels {duration(middle(copies))}",
            bar="the copy only",
        )
    result.note(f"image: {rounds} pairs in turn, medians; every picture read back with Pillow and compared")
