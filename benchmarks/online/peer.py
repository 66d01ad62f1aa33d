"""One task of one library against WANDB_BASE_URL; prints what it measured as a line of JSON.

  peer.py LIBRARY TASK [NUMBER]     LIBRARY: quipu, wandb

  calls N     latency of logging three floats, N times, one every millisecond
  rows N      N rows of three floats until finish() returned: every row is acknowledged
  start       init(mode="online")
  drained N   finish() of a run whose N rows had time to arrive
  latency N   N rows, one every 0.73 s; the time of each call on the wall clock
"""

import json
import os
import statistics
import sys
import time

clock = time.perf_counter_ns


def begin(library):
    if library == "wandb":
        import wandb as module
    else:
        import quipu as module
    a = time.perf_counter()
    run = module.init(project="bench", id=os.environ.get("BENCH_RUN", "bench0001"), mode=os.environ["WANDB_MODE"])
    return run, time.perf_counter() - a


def row(i):
    return {"loss": i * 1e-3, "accuracy": 0.5, "learning_rate": 1e-4}


def calls(library, count):
    run, _ = begin(library)
    own = statistics.median(-(clock() - clock()) for _ in range(20000))
    samples = []
    for i in range(count):
        data = row(i)
        a = clock()
        run.log(data)
        samples.append(clock() - a - own)
        time.sleep(0.001)
    run.finish()
    samples.sort()
    pick = lambda share: samples[min(count - 1, int(count * share))]  # noqa: E731
    return {"calls": count, "p50": pick(0.5), "p99": pick(0.99), "p999": pick(0.999), "max": samples[-1]}


def rows(library, count):
    run, _ = begin(library)
    a = time.perf_counter()
    for i in range(count):
        run.log(row(i))
    b = time.perf_counter()
    run.finish()
    return {"rows": count, "logged_s": b - a, "wall_s": time.perf_counter() - a}


def start(library, _):
    run, seconds = begin(library)
    run.finish()
    return {"start_ms": seconds * 1e3}


def drained(library, count):
    run, _ = begin(library)
    for i in range(count):
        run.log(row(i))
    time.sleep(25 if library == "wandb" else 5)  # its requests are 15 s apart
    a = time.perf_counter()
    run.finish()
    return {"finish_ms": (time.perf_counter() - a) * 1e3}


def latency(library, count):
    run, _ = begin(library)
    times = []
    for i in range(count):
        times.append(time.time())
        run.log(row(i))
        time.sleep(0.73)
    time.sleep(20 if library == "wandb" else 3)
    run.finish()
    return {"times": times}


if __name__ == "__main__":
    tasks = {"calls": calls, "rows": rows, "start": start, "drained": drained, "latency": latency}
    result = tasks[sys.argv[2]](sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    sys.stdout.flush()
