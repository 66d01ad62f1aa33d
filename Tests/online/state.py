"""What a server holds of a run, read back by the official client's `wandb.Api`, as one value that can be compared."""

import hashlib
import json
import urllib.request

# Differ from run to run of one program.
CLOCKS = {"_timestamp", "_runtime", "_wandb"}


def plain(value):
    """Numbers that are equal compare equal, and so do NaNs."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        if value != value:
            return "NaN"
        return int(value) if value.is_integer() else value
    return value


def rows(server, path, **options):
    """All history rows, as `scan_history` gives them."""
    return [plain(row) for row in server.api().run(path).scan_history(page_size=20_000, **options)]


def server_state(server, project, run, entity="local", contents=True):
    """A dict of everything: history, events, summary, config, console, files, artifacts, and the run's own fields.

    files: name -> (size, MD5 of what a download gives). artifacts: name without version -> (type, digest, aliases).
    """
    path = f"{entity}/{project}/{run}"
    api = server.api()
    found = api.run(path)
    events = server.run(project, run, "events(samples: 1000000) eventsLineCount", entity)
    node = server.run(project, run, "state exitcode stopped tags notes displayName group jobType commit "
                                    "sweepName historyLineCount logLineCount", entity)
    return {
        "history": [plain(row) for row in found.scan_history(page_size=20_000)],
        "events": [plain(json.loads(line)) for line in events["events"]],
        "summary": plain(found.summary._json_dict),
        "config": plain(json.loads(server.run(project, run, "config", entity)["config"] or "{}")),
        "console": [{key: line[key] for key in ("number", "level", "label", "line", "timestamp")}
                    for line in server.console(project, run, entity)],
        "files": {file.name: (file.size, content_digest(server, file) if contents else None) for file in found.files()},
        "artifacts": {artifact.name.rsplit(":", 1)[0]: (artifact.type, artifact.digest, sorted(artifact.aliases))
                      for artifact in found.logged_artifacts()},
        "run": {**node, "tags": sorted(node["tags"] or [])},
    }


def content_digest(server, file):
    """The MD5 of what the server gives for a file of a run."""
    with urllib.request.urlopen(file.direct_url, timeout=60) as answer:
        return hashlib.md5(answer.read()).hexdigest()


def without(value, *names):
    """A copy without these keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(inner, *names) for key, inner in value.items() if key not in names}
    if isinstance(value, list):
        return [without(inner, *names) for inner in value]
    return value


def comparable(state, clocks=False, ignore_files=("wandb-metadata.json", "requirements.txt", "config.yaml")):
    """A state without what differs from run to run of one program; with `clocks` only without the files that describe
    the client itself."""
    state = dict(state)
    # Telemetry and environments name the client.
    state["config"] = {key: value for key, value in state["config"].items() if key != "_wandb"}
    state["files"] = {name: about for name, about in state["files"].items() if name not in ignore_files}
    if not clocks:
        for part in ("history", "summary"):
            state[part] = without(state[part], *CLOCKS)
        state["console"] = without(state["console"], "timestamp")
        state["events"] = None
        state["files"].pop("wandb-summary.json", None)
    return state


def differences(ours, theirs, path=""):
    """Where two states differ, in words."""
    if type(ours) is not type(theirs):
        return [f"{path}: {ours!r:.200} is not {theirs!r:.200}"]
    if isinstance(ours, dict):
        found = []
        for key in list(ours) + [key for key in theirs if key not in ours]:
            if key not in ours:
                found.append(f"{path}.{key}: missing, theirs is {theirs[key]!r:.200}")
            elif key not in theirs:
                found.append(f"{path}.{key}: only ours: {ours[key]!r:.200}")
            else:
                found += differences(ours[key], theirs[key], f"{path}.{key}")
        return found
    if isinstance(ours, list):
        if len(ours) != len(theirs):
            return [f"{path}: {len(ours)} instead of {len(theirs)}: {ours!r:.300} and {theirs!r:.300}"]
        return [text for number, (one, other) in enumerate(zip(ours, theirs))
                for text in differences(one, other, f"{path}[{number}]")]
    return [] if ours == theirs else [f"{path}: {ours!r:.200} is not {theirs!r:.200}"]


def assert_same(ours, theirs):
    found = differences(ours, theirs)
    assert not found, "\n".join(found[:40])


def assert_rows(server, project, run, count, key="x", entity="local", start=0):
    """Each of the rows x = start, start+1, ... is there once, in order, with its own step."""
    found = server.history(project, run, entity)
    values = [row.get(key) for row in found if key in row]
    expected = list(range(start, start + count))
    if values != expected:
        lost = sorted(set(expected) - set(values))
        doubled = sorted({value for value in values if values.count(value) > 1}) if len(values) < 20000 else "?"
        raise AssertionError(f"{len(values)} rows instead of {count}; lost {lost[:20]}, doubled {doubled[:20]}, "
                             f"order kept: {values == sorted(values)}")
    steps = [row["_step"] for row in found]
    assert steps == sorted(set(steps)), "steps are not unique and growing"
