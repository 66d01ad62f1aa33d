"""One task of one library in this process; prints what it measured as a line of JSON.

  peers.py LIBRARY TASK [NUMBER]     LIBRARY: quipu, wandb, trackio, tensorboardX

  calls N    latency of logging three floats, N times
  rows N     rows per second until the run is finished
  start      import, and start of a run
  memory N   resident memory of this process and its children after N rows
  roc N      a ROC curve of N samples and 2 classes: call and log, until written; the same for pr
  table N    a table of N rows and 4 columns: build, log, finish
  columns N  a table of N rows and 8 columns from arrays and lists of texts, until its files are on disk
  points N   a cloud of N x 6 doubles, from the call until the file is written
  video N    N frames of 3 x 128 x 128 to GIF: of a camera (many colours, noise) and of a game (six colours)
"""

import json
import os
import statistics
import sys
import time

clock = time.perf_counter_ns


def resident_kb(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def descendants(pid):
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                for child in map(int, file.read().split()):
                    found += [child, *descendants(child)]
    except OSError:
        pass
    return found


def begin(library):
    """Imports a library and starts a run. Answers (log, flush, finish, module, seconds to import, seconds to start)."""
    a = time.perf_counter()
    nothing = lambda: None  # noqa: E731
    if library == "tensorboardX":
        from tensorboardX import SummaryWriter

        b = time.perf_counter()
        writer = SummaryWriter(os.path.join(os.getcwd(), "runs"))
        c = time.perf_counter()
        step = iter(range(1 << 62))

        def log(row):
            at = next(step)
            for key, value in row.items():
                writer.add_scalar(key, value, at)

        return log, writer.flush, writer.close, None, b - a, c - b
    if library == "trackio":
        import trackio

        b = time.perf_counter()
        run = trackio.init(project="bench", embed=False, auto_log_gpu=False, auto_log_cpu=False)
        c = time.perf_counter()
        return run.log, nothing, trackio.finish, trackio, b - a, c - b
    if library == "wandb":
        import wandb as module
    else:
        import quipu as module
    b = time.perf_counter()
    run = module.init(project="bench", mode="offline")
    c = time.perf_counter()
    flush = nothing
    if library == "quipu":
        from quipu import _ffi

        # full speed is not the question here: the caller's cost is. What a full ring does is measured in C.
        def flush():
            _ffi.lib.quipu_run_flush(run._handle, 60000, None)

    return run.log, flush, run.finish, module, b - a, c - b


def row(i):
    return {"loss": i * 1e-3, "accuracy": 0.5, "learning_rate": 1e-4}


def calls(library, count):
    log, flush, finish, *_ = begin(library)
    own = statistics.median(-(clock() - clock()) for _ in range(20000))
    for i in range(min(1000, count // 10)):
        log(row(i))
    samples = []
    for i in range(count):
        data = row(i)
        a = clock()
        log(data)
        samples.append(clock() - a - own)
        if i % 5000 == 4999:
            flush()
    finish()
    samples.sort()
    pick = lambda share: samples[min(count - 1, int(count * share))]  # noqa: E731
    return {"clock_ns": own, "calls": count, "p50": pick(0.5), "p99": pick(0.99), "p999": pick(0.999),
            "max": samples[-1]}  # fmt: skip


def rows(library, count):
    log, _, finish, *_ = begin(library)
    start = time.perf_counter()
    for i in range(count):
        log(row(i))
    finish()
    seconds = time.perf_counter() - start
    return {"rows": count, "seconds": seconds, "rows_per_s": count / seconds}


def start(library, _):
    _, _, finish, _, imported, started = begin(library)
    finish()
    return {"import_ms": imported * 1e3, "start_ms": started * 1e3}


def memory(library, count):
    bare = resident_kb("self")
    log, flush, finish, *_ = begin(library)
    for i in range(count):
        log(row(i))
    flush()
    time.sleep(1)  # what the peers send in the background arrives
    children = [(pid, resident_kb(pid)) for pid in descendants(os.getpid())]
    result = {"rows": count, "own_kb": resident_kb("self") - bare, "children_kb": sum(kb for _, kb in children),
              "children": len(children)}  # fmt: skip
    finish()
    return result


def table(library, count):
    data = [[i, i * 0.37, f"label {i % 100}", i % 3 == 0] for i in range(count)]
    log, flush, finish, module, *_ = begin(library)
    a = time.perf_counter()
    value = module.Table(columns=["id", "score", "label", "correct"], data=data)
    b = time.perf_counter()
    log({"predictions": value})
    c = time.perf_counter()
    flush()
    d = time.perf_counter()
    files = {"files": 0, "staging": 0}  # the run's own file (cut at 10,000 rows) and the artifact's (all of them)
    for where, _, names in os.walk(os.getcwd()):
        for kind in files:
            if kind in where.split(os.sep):
                files[kind] = max([files[kind], *(os.path.getsize(os.path.join(where, name)) for name in names)])
    finish()
    return {"build_s": b - a, "log_s": c - b, "flush_s": d - c, "file_bytes": files["files"],
            "artifact_bytes": files["staging"]}  # fmt: skip


def points(library, count):
    import numpy

    noise = numpy.random.default_rng(3)
    log, flush, finish, module, *_ = begin(library)
    calls, writes = [], []
    for step in range(5):
        cloud = noise.normal(size=(count, 6))
        a = time.perf_counter()
        log({"cloud": module.Object3D(cloud)})
        b = time.perf_counter()
        flush()
        c = time.perf_counter()
        calls.append(b - a)
        writes.append(c - a)
        found = [os.path.join(where, name) for where, _, names in os.walk(os.getcwd()) for name in names
                 if name.endswith(".pts.json")]  # fmt: skip
        if len(found) != step + 1:
            raise RuntimeError("the file is not written")
        with open(max(found, key=os.path.getmtime), "rb") as file:
            text = file.read()
        if step == 0 and not numpy.array_equal(numpy.array(json.loads(text)), cloud):
            raise RuntimeError("the file holds other points")
    finish()
    copies = []
    for _ in range(5):
        a = time.perf_counter()
        cloud.copy()
        copies.append(time.perf_counter() - a)
    return {"call_s": statistics.median(calls), "written_s": statistics.median(writes), "bytes": len(text),
            "copy_s": statistics.median(copies)}  # fmt: skip


def camera(numpy, count):
    """Moving waves of colour with the noise of a sensor: thousands of colours in each frame."""
    y, x = numpy.mgrid[0:128, 0:128]
    noise = numpy.random.default_rng(3)
    frames = []
    for t in range(count):
        red = 128 + 80 * numpy.sin((x + 3 * t) / 17) + 30 * numpy.cos(y / 9)
        green = 128 + 60 * numpy.cos((y + 2 * t) / 23) + 50 * numpy.sin(x * y / 900)
        blue = 128 + 90 * numpy.sin((x + y + 4 * t) / 31)
        frames.append(numpy.stack([red, green, blue]) + noise.normal(0, 4, (3, 128, 128)))
    return numpy.clip(numpy.stack(frames), 0, 255).astype("u1")


def game(numpy, count):
    """Two things that move over a still ground."""
    colours = numpy.array([[20, 30, 60], [50, 160, 50], [230, 40, 40], [250, 250, 250]], "u1")
    numbers = numpy.zeros((count, 128, 128), "u1")
    numbers[:, 100:] = 1
    for t in range(count):
        left, top = (t * 3) % 110, int(40 + 30 * numpy.sin(t / 5))
        numbers[t, top : top + 12, left : left + 12] = 2
        numbers[t, 90:100, 110 - left : 124 - left] = 3
    return numpy.ascontiguousarray(colours[numbers].transpose(0, 3, 1, 2))


def video(library, count):
    import numpy
    from PIL import Image

    log, flush, finish, module, *_ = begin(library)
    found = {}
    for content in (camera, game):
        frames = content(numpy, count)
        calls, writes = [], []
        for step in range(5):
            a = time.perf_counter()
            log({content.__name__: module.Video(frames, fps=8, format="gif")})
            b = time.perf_counter()
            flush()
            c = time.perf_counter()
            calls.append(b - a)
            writes.append(c - a)
        path = max((os.path.join(where, name) for where, _, names in os.walk(os.getcwd()) for name in names
                    if name.endswith(".gif")), key=os.path.getmtime)  # fmt: skip
        shown = Image.open(path)
        if shown.n_frames != count:
            raise RuntimeError(f"the file has {shown.n_frames} frames")
        error = 0.0
        for number, frame in enumerate(frames):
            shown.seek(number)
            difference = numpy.asarray(shown.convert("RGB"), "f4") - frame.transpose(1, 2, 0)
            error += float((difference**2).mean()) / count
        copies = []
        for _ in range(21):
            a = time.perf_counter()
            frames.copy()
            copies.append(time.perf_counter() - a)
        found[content.__name__] = {
            "call_s": statistics.median(calls), "written_s": statistics.median(writes),
            "copy_s": statistics.median(copies), "bytes": os.path.getsize(path), "error": error,
        }  # fmt: skip
    finish()
    return found


def curve(library, name, count):
    import numpy

    generator = numpy.random.default_rng(7)
    labels = generator.integers(0, 2, count)
    scores = generator.random((count, 2), dtype="f4")
    scores[:, 1] = numpy.clip(scores[:, 1] * 0.7 + labels * 0.3, 0, 1)
    log, flush, finish, module, *_ = begin(library)
    getattr(module.plot, name)(labels[:100], scores[:100])  # what the libraries import at the first call
    flush()
    found = {"call_s": [], "log_s": [], "flush_s": []}
    for number in range(5):
        a = time.perf_counter()
        value = getattr(module.plot, name)(labels, scores)
        b = time.perf_counter()
        log({f"c{number}": value})
        c = time.perf_counter()
        flush()
        d = time.perf_counter()
        for key, seconds in zip(found, (b - a, c - b, d - c)):
            found[key].append(seconds)
    finish()
    return {key: statistics.median(values) for key, values in found.items()}


def roc(library, count):
    return curve(library, "roc_curve", count)


def pr(library, count):
    return curve(library, "pr_curve", count)


def columns(library, count):
    import numpy

    random = numpy.random.default_rng(1)
    values = {f"f{n}": random.standard_normal(count) for n in range(3)}
    values["index"] = numpy.arange(count)
    values["score"] = random.standard_normal(count).astype("f4")
    values["correct"] = random.random(count) < 0.5
    values["label"] = [f"label {n % 1000}" for n in range(count)]
    values["text"] = [f"a somewhat longer text {n}" for n in range(count)]
    log, flush, finish, module, *_ = begin(library)
    a = time.perf_counter()
    table = module.Table(columns=[])
    for name, column in values.items():
        table.add_column(name, column)
    b = time.perf_counter()
    log({"table": table})
    flush()
    c = time.perf_counter()
    finish()
    return {"build_s": b - a, "file_s": c - b}


if __name__ == "__main__":
    tasks = {"calls": calls, "rows": rows, "start": start, "memory": memory, "table": table, "points": points,
             "video": video, "roc": roc, "pr": pr, "columns": columns}
    task = tasks[sys.argv[2]]
    result = task(sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    sys.stdout.flush()
