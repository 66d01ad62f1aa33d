#!/usr/bin/env python3
"""Measures a running quipu-server over HTTP: ingest, storage, listings, reads, start.

    bench.py [--server PROGRAM] [--dir DIR] [--quick] [--out RESULTS.md]

Bodies are made before the clock starts, so what is measured is the server, not this program. The server's own CPU time is
read from /proc: on a shared machine it says more than the wall clock.
"""
import argparse
import base64
import http.client
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CLOCK = os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, program, data):
        self.program, self.data = program, data
        self.start()

    def start(self):
        began = time.monotonic()
        self.process = subprocess.Popen(
            [self.program, "--data", str(self.data), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if "WANDB_BASE_URL=" in line:
                self.port = int(line.strip().rsplit(":", 1)[1])
            if "WANDB_API_KEY=" in line:
                key = line.strip().split("=", 1)[1]
                self.auth = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
                break
        self.graphql("query V { viewer { id } }")
        self.first_answer = time.monotonic() - began

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)

    def post(self, connection, path, body):
        connection.request("POST", path, body, {"Authorization": self.auth, "Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {data[:300]}")
        return data

    def graphql(self, query, variables=None):
        data = json.loads(self.post(self.connection(), "/graphql", json.dumps({"query": query, "variables": variables or {}})))
        if data.get("errors"):
            raise SystemExit(f"{data['errors']}")
        return data["data"]

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK

    def memory(self, name="VmHWM"):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1024
        return 0.0


UPSERT = """mutation U($name: String, $project: String, $config: JSONString, $group: String) {
  upsertBucket(input: {name: $name, modelName: $project, config: $config, groupName: $group}) { bucket { id } } }"""


def create(server, project, name, config="{}", group=None):
    server.graphql(UPSERT, {"name": name, "project": project, "config": config, "group": group})


def stream(server, connection, project, name, body):
    server.post(connection, f"/files/local/{project}/{name}/file_stream", body)


def row(step, metrics, rng):
    values = ",".join(f'"m{k:02d}":{rng.gauss(0, 1)!r}' for k in range(metrics))
    return f'{{{values},"_step":{step},"_timestamp":{1.7e9 + step * 0.1:.6f},"_runtime":{step * 0.1:.6f}}}'


def body(offset, lines, summary=None, complete=False):
    files = {"wandb-history.jsonl": {"offset": offset, "content": lines}}
    if summary is not None:
        files["wandb-summary.json"] = {"offset": 0, "content": [summary]}
    request = {"files": files}
    if complete:
        request |= {"complete": True, "exitcode": 0}
    return json.dumps(request)


def disk(path):
    return sum(f.stat().st_blocks * 512 for f in Path(path).rglob("*") if f.is_file())


def drop_page_cache():
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    except OSError:
        return False


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, figure, bar, held):
        self.rows.append((what, figure, bar, held))
        print(f"  {what}: {figure}   [{bar}] {'' if held is None else 'held' if held else 'SHORT'}", flush=True)


def ingest(server, table, runs, rows, metrics):
    """`runs` runs stream at once, 100 rows a request."""
    rng = random.Random(1)
    per_request = 100
    bodies = [body(first, [row(s, metrics, rng) for s in range(first, first + per_request)])
              for first in range(0, rows, per_request)]
    for r in range(runs):
        create(server, "ingest", f"r{r}")
    before, began = server.cpu(), time.monotonic()

    def work(mine):
        connection = server.connection()
        for text in bodies:
            for r in mine:
                stream(server, connection, "ingest", f"r{r}", text)

    threads = [threading.Thread(target=work, args=(range(t, runs, 8),)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, cpu = time.monotonic() - began, server.cpu() - before
    values = runs * rows * (metrics + 3)
    table.add(f"ingest, {runs} runs at once, {metrics} metrics a row, {values / 1e6:.0f} M values",
              f"{values / cpu / 1e3:.0f} k values/s of CPU time ({values / wall / 1e3:.0f} k/s wall)",
              "200 k values/s on one core", values / cpu >= 200e3)
    table.add("memory at most while they stream", f"{server.memory():.0f} MB", "300 MB", server.memory() <= 300)


def many_runs(server, table, data, runs, rows, metrics):
    rng = random.Random(2)
    before = disk(data)
    connection = server.connection()
    variants = []
    for _ in range(4):
        lines = [row(s, metrics, rng) for s in range(rows)]
        variants.append([lines[i:i + 250] for i in range(0, rows, 250)])
    began = time.monotonic()
    for r in range(runs):
        name = f"run{r:04d}"
        config = {f"p{k}": {"value": rng.random()} for k in range(20)} | {"lr": {"value": rng.random()}}
        create(server, "many", name, json.dumps(config), f"g{r % 7}")
        pieces = variants[r % len(variants)]
        summary = json.dumps({f"m{k:02d}": rng.random() for k in range(metrics)} | {"_step": rows - 1})
        for index, piece in enumerate(pieces):
            end = index == len(pieces) - 1
            stream(server, connection, "many", name, body(index * 250, piece, summary if end else None, complete=end))
    values = runs * rows * (metrics + 3)
    print(f"  {runs} runs loaded in {time.monotonic() - began:.0f} s", flush=True)
    server.stop()
    used = disk(data) - before
    table.add(f"storage, {runs} runs x {metrics} random doubles x {rows} rows", f"{used / values:.2f} bytes a value",
              "12 bytes", used / values <= 12)
    dropped = drop_page_cache()
    server.start()
    cold = server.first_answer
    page = """query R($filters: JSONString, $order: String) { project(name: "many", entityName: "local") {
      runs(filters: $filters, order: $order, first: 50) { edges { node { id name displayName state config summaryMetrics tags
      createdAt heartbeatAt } cursor } pageInfo { endCursor hasNextPage } } } }"""
    cases = [("config and state, order by a metric",
              '{"$and": [{"config.lr.value": {"$lt": 0.5}}, {"state": "finished"}]}', "-summary_metrics.m07"),
             ("regular expression and summary, by creation",
              '{"name": {"$regex": "run.*[02468]$"}, "summary_metrics.m03": {"$gt": 0.2}}', "+created_at")]
    for index, (what, filters, order) in enumerate(cases):
        times = []
        for _ in range(5):
            began = time.monotonic()
            server.graphql(page, {"filters": filters, "order": order})
            times.append(time.monotonic() - began)
        table.add(f"first page of {runs} runs, {what}",
                  f"{times[0] * 1e3:.0f} ms first{' (cold)' if index == 0 else ''}, {statistics.median(times) * 1e3:.0f} ms median",
                  "300 ms", max(times) <= 0.3)
    starts = []
    for _ in range(5):
        server.stop()
        server.start()
        starts.append(server.first_answer)
    table.add("start to first answer, with all of this", f"{statistics.median(starts) * 1e3:.0f} ms"
              + (f" (right after the page cache was dropped, the program's own pages included: {cold * 1e3:.0f} ms)" if dropped else ""),
              "300 ms", statistics.median(starts) <= 0.3)
    server.stop()
    dropped = drop_page_cache()
    server.start()
    specs = [json.dumps({"keys": ["_step", f"m{k:02d}"], "samples": rows}) for k in range(0, metrics, max(1, metrics // 12))][:12]
    query = """query C($specs: [JSONString!]!) { project(name: "many", entityName: "local") {
      runs(first: 100) { edges { node { name sampledHistory(specs: $specs) } } } } }"""
    times = []
    for _ in range(3):
        began = time.monotonic()
        answer = server.post(server.connection(), "/graphql", json.dumps({"query": query, "variables": {"specs": specs}}))
        times.append(time.monotonic() - began)
    count = answer.count(b'"_step"')
    assert count >= min(100, runs) * len(specs) * rows, (count, answer[:500])
    table.add(f"twelve metrics of {min(100, runs)} runs, every point ({len(answer) / 1e6:.0f} MB of JSON)",
              f"{times[0]:.2f} s cold{'' if dropped else ' (page cache warm: may not be dropped here)'}, {min(times):.2f} s warm",
              "1 s cold", times[0] <= 1)


def long_run(server, table, rows):
    rng = random.Random(3)
    create(server, "long", "long")
    connection = server.connection()
    chunk = 20_000
    before, began, value = server.cpu(), time.monotonic(), 0.0
    making = 0.0
    for first in range(0, rows, chunk):
        t = time.monotonic()
        lines = []
        for step in range(first, min(rows, first + chunk)):
            value += rng.gauss(0, 1)
            lines.append(f'{{"loss":{value!r},"_step":{step},"_timestamp":{1.7e9 + step * 0.01:.4f}}}')
        text = body(first, lines, complete=first + chunk >= rows)
        making += time.monotonic() - t
        stream(server, connection, "long", "long", text)
    wall = time.monotonic() - began - making
    table.add(f"one run of {rows / 1e6:g} M points", f"{rows * 3 / (server.cpu() - before) / 1e3:.0f} k values/s of CPU time, "
              f"{wall:.0f} s, {server.memory():.0f} MB at most", "", None)
    query = """query B($specs: [JSONString!]!) { project(name: "long", entityName: "local") { run(name: "long") {
      bucketedHistory(specs: $specs) } } }"""
    server.stop()
    dropped = drop_page_cache()
    server.start()
    times = []
    for index in range(41):
        first, last = (0, rows) if index % 8 == 0 else sorted(rng.sample(range(rows), 2))
        spec = json.dumps({"key": "loss", "buckets": 1000, "minStep": first, "maxStep": last})
        began = time.monotonic()
        answer = server.graphql(query, {"specs": [spec]})
        times.append(time.monotonic() - began)
        counted = sum(b["count"] for b in answer["project"]["run"]["bucketedHistory"][0])
        assert counted == min(last, rows - 1) - first + 1, (counted, first, last)
    table.add(f"1000 buckets of min, max, mean over any range of {rows / 1e6:g} M points",
              f"{times[0] * 1e3:.0f} ms first{' (cold)' if dropped else ''}, then median {statistics.median(times[1:]) * 1e3:.0f} ms, "
              f"slowest {max(times[1:]) * 1e3:.0f} ms", "100 ms", max(times[1:]) <= 0.1)


def crash(server, table):
    """SIGKILL while runs stream: what was acknowledged must be there."""
    lost = 0
    for attempt in range(5):
        name = f"k{attempt}"
        create(server, "crash", name)
        acknowledged = [0]

        def work():
            connection = server.connection()
            step = 0
            try:
                while True:
                    stream(server, connection, "crash", name, body(step, [f'{{"x":{s},"_step":{s}}}' for s in range(step, step + 7)]))
                    step += 7
                    acknowledged[0] = step
            except (OSError, http.client.HTTPException):
                pass

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.5 + 0.37 * attempt)
        server.kill()
        thread.join()
        server.start()
        answer = server.graphql(f'{{ project(name: "crash") {{ run(name: "{name}") {{ history(minStep: 0) historyLineCount }} }} }}')
        stored = [json.loads(text)["_step"] for text in answer["project"]["run"]["history"]]
        lost += len(set(range(acknowledged[0])) - set(stored)) + len(stored) - len(set(stored))
    table.add("rows lost or doubled in 5 SIGKILLs while a run streams", str(lost), "0", lost == 0)


def official(table, server, rows):
    """The official client as load: what a user sees."""
    try:
        import wandb  # noqa: F401
    except ImportError:
        print("  (the official client is not installed: left out)")
        return
    script = f"""
import time, wandb
run = wandb.init(project="peer", id="peer", settings=wandb.Settings(silent=True))
began = time.monotonic()
for i in range({rows}):
    run.log({{"a": i * 0.5, "b": i * i, "c": 1.0 / (i + 1)}})
run.finish()
logged = time.monotonic() - began
began = time.monotonic()
got = list(wandb.Api().run("peer/peer").scan_history())
print(logged, time.monotonic() - began, len(got))
"""
    with tempfile.TemporaryDirectory() as home:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
        key = base64.b64decode(server.auth.split()[1]).decode().split(":", 1)[1]
        environment |= {"WANDB_BASE_URL": f"http://127.0.0.1:{server.port}", "WANDB_API_KEY": key, "HOME": home}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, cwd=home, timeout=900)
    words = done.stdout.split()
    assert done.returncode == 0 and int(words[-1]) == rows, done.stderr[-2000:]
    table.add(f"official client, {rows} rows of 3 values: log and finish; read back", f"{float(words[-3]):.1f} s; {float(words[-2]):.1f} s", "", None)


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=root / "build/bin/quipu-server")
    parser.add_argument("--dir", default="/var/tmp")
    parser.add_argument("--quick", action="store_true", help="a hundredth of the data, to try the benchmark itself")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", default="", help="parts, by commas: ingest,many,long,crash,official")
    options = parser.parse_args()
    only = set(filter(None, options.only.split(",")))
    table = Table()
    data = Path(tempfile.mkdtemp(prefix="quipu-bench-", dir=options.dir))
    try:
        quick = options.quick
        for name, part in [
            ("ingest", lambda s: ingest(s, table, 50, 200 if quick else 2000, 100)),
            ("many", lambda s: many_runs(s, table, data / "many", 20 if quick else 1000, 1000, 100)),
            ("long", lambda s: long_run(s, table, 200_000 if quick else 10_000_000)),
            ("crash", lambda s: crash(s, table)),
            ("official", lambda s: official(table, s, 5_000 if quick else 100_000)),
        ]:
            if only and name not in only:
                continue
            print(name, flush=True)
            server = Server(options.server, data / name)
            try:
                part(server)
            finally:
                server.kill()
            shutil.rmtree(data / name, ignore_errors=True)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    if options.out:
        lines = ["# Results", "", f"{os.cpu_count()} cores; `server/benchmarks/bench.py`{' --quick' if options.quick else ''}.", "",
                 "| what | measured | bar | |", "|---|---|---|---|"]
        lines += [f"| {a} | {b} | {c} | {'' if d is None else 'held' if d else '**short**'} |" for a, b, c, d in table.rows]
        options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
