"""However requests are repeated, delayed, reordered, cut anew or answered into the void: once all of them have
arrived, the state is that of a clean delivery (protocol reference, 8.4 and 8.5).

The one thing that a server cannot know is which of two versions of one console line is newer when they arrive in the
wrong order in requests that it has never seen (a line's timestamp is that of its beginning); so console lines that are
rewritten keep their order here, unless the very same request comes twice.
"""

import json
import os
import random

import pytest
from recorder import Recorder

SEED = int(os.environ.get("QUIPU_SEED", "3"))
HISTORY, EVENTS, SUMMARY, CONSOLE = "wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log"


@pytest.fixture(scope="module")
def target(program, tmp_path_factory):
    from conftest import Server, _ended

    server = Server(tmp_path_factory.mktemp("once") / "data")
    yield server
    _ended(server)


@pytest.fixture(scope="module")
def recorded(target, tmp_path_factory):
    """The file stream of a real client's clean delivery."""
    import subprocess
    import sys

    from conftest import client_environment

    directory = tmp_path_factory.mktemp("recorded")
    (directory / "script.py").write_text("""
import sys, time
import wandb
run = wandb.init(project="once", id="recorded", settings=wandb.Settings(
    x_file_stream_transmit_interval=1, x_stats_sampling_interval=0.2))
for i in range(60):
    run.log({"x": i, "nested": {"y": -i}, "third": i / 3, **({"nan": float("nan")} if i % 7 == 0 else {})})
    sys.stdout.write(f"\\rprogress {i}/59")
    sys.stdout.flush()
    if i % 9 == 0:
        print()
        print(f"line {i}", file=sys.stderr if i % 2 else sys.stdout)
    time.sleep(0.2)
run.finish()
""")
    with Recorder(target) as recorder:
        done = subprocess.run([sys.executable, "script.py"], cwd=directory, capture_output=True, text=True, timeout=120,
                              env=client_environment(directory, recorder.url, recorder.key))
        assert done.returncode == 0, done.stderr
        bodies = recorder.streams()
    assert len(bodies) >= 8 and bodies[-1]["complete"] is True
    return [body for body in bodies if body]


def crafted(random_, rows=400):
    """A clean delivery made by hand: gaps between steps, rewritten lines, keys that come and go."""
    bodies, summary, step = [], {}, 0
    history, events, console = 0, 0, 0
    clock = 1_700_000_000.0
    while history < rows:
        files = {}
        lines = []
        for _ in range(random_.randint(0, 40)):
            row = {"_step": step, "_timestamp": clock, "_runtime": clock - 1_700_000_000, f"k{random_.randint(0, 9)}":
                   random_.choice([1, 2.5, "text", True, {"a": step}, [1, "b"]]), "x": step}
            summary.update(row)
            lines.append(json.dumps(row))
            step += random_.choice([1, 1, 1, 5])
            clock += 0.25
        if lines:
            files[HISTORY] = {"offset": history, "content": lines}
            history += len(lines)
        if random_.random() < 0.5:
            line = json.dumps({"_wandb": True, "_timestamp": clock, "_runtime": clock - 1_700_000_000,
                               "system.cpu": random_.random() * 100})
            files[EVENTS] = {"offset": events, "content": [line]}
            events += 1
        if random_.random() < 0.6:
            first = max(0, console - random_.randint(0, 2))
            count = random_.randint(1, 5)
            files[CONSOLE] = {"offset": first, "content": [
                f"2026-01-01T00:00:00.{number:06d} {clock} says {number}" for number in range(first, first + count)]}
            console = max(console, first + count)
        clock += 0.01
        summary["_wandb"] = {"runtime": int(clock - 1_700_000_000)}
        if lines:
            files[SUMMARY] = {"offset": 0, "content": [json.dumps(summary)]}
        if files:
            bodies.append({"files": files})
        if random_.random() < 0.1:
            bodies.append({"uploaded": [f"media/{len(bodies)}.png"]})
    summary["_wandb"] = {"runtime": int(clock - 1_700_000_000) + 1}
    bodies.append({"files": {SUMMARY: {"offset": 0, "content": [json.dumps(summary)]}}, "uploaded": ["config.yaml"]})
    bodies.append({"complete": True, "exitcode": 0})
    return bodies


def deliver(target, run, bodies):
    target.upsert("once", run)
    for body in bodies:
        target.stream("local", "once", run, body)


def text(row):
    """A row's text for comparisons: NaN is unequal to itself, and 1.0 may come back as 1."""
    def plain(value):
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value
    return json.dumps(plain(row), sort_keys=True)


def state(target, run):
    node = target.run("once", run, "state exitcode summaryMetrics historyLineCount eventsLineCount logLineCount "
                                   "historyTail eventsTail events(samples: 100000) historyKeys")
    rows = target.history("once", run)
    return {
        "rows": [text(row) for row in rows], "console": target.console("once", run),
        "summary": text(json.loads(node.pop("summaryMetrics"))), **node}


def compare(found, expected):
    assert len(found["rows"]) == len(expected["rows"])
    for name in expected:
        if name in ("events", "historyKeys"):
            continue
        assert found[name] == expected[name], name
    events = [[text(json.loads(line)) for line in state["events"]] for state in (found, expected)]
    assert events[0] == events[1]
    keys = lambda state: {name: entry["typeCounts"] for name, entry in state["historyKeys"]["keys"].items()}
    assert keys(found) == keys(expected)


def clean(target, run, bodies):
    """The state of a clean delivery, checked against what was sent."""
    deliver(target, run, bodies)
    found = state(target, run)
    rows, events, console, summary = {}, {}, {}, None
    for body in bodies:
        files = body.get("files", {})
        for line in files.get(HISTORY, {}).get("content", []):
            row = json.loads(line)
            rows[row["_step"]] = row
        for number, line in enumerate(files.get(EVENTS, {}).get("content", [])):
            events[files[EVENTS]["offset"] + number] = line
        for number, line in enumerate(files.get(CONSOLE, {}).get("content", [])):
            console[files[CONSOLE]["offset"] + number] = line
        if SUMMARY in files:
            summary = json.loads(files[SUMMARY]["content"][-1])
    assert found["rows"] == [text(rows[step]) for step in sorted(rows)]
    assert found["summary"] == text(summary)
    assert [json.loads(line) for line in found["events"]] == [json.loads(events[n]) for n in sorted(events)]
    assert len(found["console"]) == len(console)
    for line, number in zip(found["console"], sorted(console)):
        assert console[number].endswith(line["line"]) and line["number"] == number
    assert (found["state"], found["exitcode"]) == ("finished", 0)
    assert found["historyLineCount"] == len(rows) and found["eventsLineCount"] == len(events)
    assert found["logLineCount"] == len(console)
    return found


def lines_of(body):
    console = body.get("files", {}).get(CONSOLE)
    return set(range(console["offset"], console["offset"] + len(console["content"]))) if console else set()


def repeated(random_, bodies):
    """Requests come twice: at once, or late, after others and after the end."""
    out = []
    late = []
    for body in bodies:
        out.append(body)
        while random_.random() < 0.3:
            out.append(body)
        if random_.random() < 0.4:
            late.append((len(out) + random_.randint(1, 20), body))
        while late and late[0][0] <= len(out):
            out.append(late.pop(0)[1])
    random_.shuffle(late)
    return out + [body for _, body in late]


def reordered(random_, bodies):
    """Requests overtake each other; those that rewrite a console line keep their order, and the end stays the end: rows
    after it are what a run sends that goes on."""
    places = []
    for index, body in enumerate(bodies):
        place = index + (100 if body.get("complete") else random_.uniform(-6, 6))
        for before, other in places:
            if lines_of(body) & lines_of(other):
                place = max(place, before + 0.001)
        places.append((place, body))
    return [body for _, body in sorted(places, key=lambda entry: entry[0])]


def cut_anew(random_, bodies):
    """The same lines in other requests: each file cut where it likes, history at offsets of its own."""
    history, events, console, end, summary = [], [], [], {}, None
    for body in bodies:
        files = body.get("files", {})
        history += files.get(HISTORY, {}).get("content", [])
        events += files.get(EVENTS, {}).get("content", [])
        if CONSOLE in files:
            console.append(files[CONSOLE])
        if SUMMARY in files:
            summary = files[SUMMARY]
        if body.get("complete"):
            end = {name: value for name, value in body.items() if name != "files"}
    base = random_.randint(0, 50)
    streams = {HISTORY: [], EVENTS: []}
    for name, lines, offset in ((HISTORY, history, base), (EVENTS, events, 0)):
        at = 0
        while at < len(lines):
            count = random_.randint(1, 30)
            streams[name].append({"offset": offset + at, "content": lines[at:at + count]})
            at += count
    pieces = []
    for block in console:
        at = 0
        while at < len(block["content"]):
            count = random_.randint(1, 3)
            pieces.append({"offset": block["offset"] + at, "content": block["content"][at:at + count]})
            at += count
    streams[CONSOLE] = pieces
    out = []
    while any(streams.values()):
        chosen = [name for name in streams if streams[name] and random_.random() < 0.6]
        if chosen:
            out.append({"files": {name: streams[name].pop(0) for name in chosen}})
    return out + [{"files": {SUMMARY: summary}, **end}]


@pytest.mark.parametrize("source", ["recorded", "crafted"])
@pytest.mark.parametrize("how", [repeated, reordered, cut_anew])
def test_a_disturbed_delivery_ends_like_a_clean_one(target, recorded, source, how):
    for round_ in range(3):
        seed = SEED + round_
        random_ = random.Random(f"{seed} {source} {how.__name__}")
        print("seed", seed)
        bodies = recorded if source == "recorded" else crafted(random_)
        name = f"{source}-{how.__name__}-{seed}"
        expected = clean(target, name + "-clean", bodies)
        deliver(target, name, how(random_, bodies))
        compare(state(target, name), expected)


def test_all_disturbances_together_and_a_second_delivery(target):
    for round_ in range(3):
        seed = SEED + 100 + round_
        print("seed", seed)
        random_ = random.Random(seed)
        bodies = crafted(random_)
        expected = clean(target, f"all-{seed}-clean", bodies)
        deliver(target, f"all-{seed}", repeated(random_, reordered(random_, bodies)))
        compare(state(target, f"all-{seed}"), expected)
        # As a second `wandb sync` does: everything once more, rows behind the old ones (reference, 8.4).
        again = cut_anew(random_, bodies)
        for body in again:
            if HISTORY in body.get("files", {}):
                body["files"][HISTORY]["offset"] += expected["historyLineCount"]
        deliver(target, f"all-{seed}", again)
        compare(state(target, f"all-{seed}"), expected)


def test_a_server_that_dies_over_and_over_loses_and_doubles_nothing(start_server):
    server = start_server()
    seed = SEED + 200
    print("seed", seed)
    random_ = random.Random(seed)
    bodies = crafted(random_)
    expected = clean(server, "dying-clean", bodies)
    server.upsert("once", "dying")
    deaths = set(random_.sample(range(len(bodies)), 6))
    for index, body in enumerate(bodies):
        server.stream("local", "once", "dying", body)
        if index in deaths:
            # The answer may or may not have reached the client: it sends the request again.
            server.restart(sigkill=True)
            server.stream("local", "once", "dying", body)
    compare(state(server, "dying"), expected)


def test_late_words_do_not_reopen_a_run_and_new_ones_do(target):
    bodies = crafted(random.Random(SEED))
    deliver(target, "reopened", bodies)
    for body in bodies[:-1]:
        target.stream("local", "once", "reopened", body)
        assert target.run("once", "reopened", "state")["state"] == "finished"
    target.stream("local", "once", "reopened", {"files": {HISTORY: {"offset": 400, "content": [
        '{"_step": 100000, "_timestamp": 1800000000, "x": 1}']}}})
    assert target.run("once", "reopened", "state")["state"] == "running"


def test_a_client_whose_answers_get_lost_delivers_exactly_once(target, run_client):
    seed = SEED + 300
    print("seed", seed)
    random_ = random.Random(seed)
    faults = {"file_stream": 3, "graphql": 1, "storage": 2}

    def lose(method, path, body):
        for kind in faults:
            if kind in path and faults[kind] > 0 and random_.random() < 0.4:
                # The client waits longer each time: few faults make the point.
                faults[kind] -= 1
                return random_.choice(["answer", "answer", "request"])
        return None

    with Recorder(target, lose) as recorder:
        run_client("""
import time
import wandb
run = wandb.init(project="once", id="lossy", settings=wandb.Settings(
    x_file_stream_transmit_interval=1, x_stats_sampling_interval=0.2))
for i in range(50):
    run.log({"x": i})
    print(f"line {i}")
    time.sleep(0.02)
open("f.txt", "w").write("content")
run.save("f.txt")
run.finish()
""", server=recorder)
    assert sum(faults.values()) < 6, "no fault happened"
    assert [row["x"] for row in target.history("once", "lossy")] == list(range(50))
    assert [line["line"] for line in target.console("once", "lossy")] == [f"line {i}" for i in range(50)]
    node = target.run("once", "lossy", "state exitcode events(samples: 1000) eventsLineCount "
                                       "files(first: 100) { edges { node { name sizeBytes } } }")
    assert (node["state"], node["exitcode"]) == ("finished", 0)
    assert node["eventsLineCount"] == len(node["events"])
    stamps = [json.loads(line)["_timestamp"] for line in node["events"]]
    assert stamps == sorted(set(stamps))
    assert {edge["node"]["name"]: int(edge["node"]["sizeBytes"]) for edge in node["files"]["edges"]}["f.txt"] == 7
