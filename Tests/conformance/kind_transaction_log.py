"""Transaction logs: files of the official client, whole and damaged, read by the `quipu` command.

`quipu verify` must count the recorded records and find the recorded damage; `quipu export` must give the recorded rows.
That every field of every record is read is what Tests/QuipuRecordsTests check against the same files.
"""

import calendar
import collections
import json
import os
import re
import subprocess
import time

import upload
from values import differences, put

Case = collections.namedtuple("Case", "name path expected")


def cases(directory):
    with open(os.path.join(directory, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    return [
        Case(name, os.path.join(directory, name + ".wandb"), expected[name])
        for name in sorted(expected)
        if os.path.exists(os.path.join(directory, name + ".wandb"))
    ]


def run(case):
    quipu = upload.command()
    if quipu is None:
        return "skipped", "the quipu command is not built (build/bin/quipu)"
    with open(case.path.removesuffix(".wandb") + ".json", encoding="utf-8") as file:
        records = json.load(file)
    found = list(_verify(quipu, case, records)) + list(_rows(quipu, case, records))
    found += list(_upload(case, records))
    return ("failed", found) if found else ("passed", [])


def _call(quipu, *arguments):
    done = subprocess.run([quipu, *arguments], capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def _verify(quipu, case, records):
    status, out, err = _call(quipu, "verify", case.path)
    if status not in (0, 1, 2):
        yield f"/verify: exit status {status}: {err[-200:]}"
        return
    counts = re.search(r"(\d+) records?, (\d+) rows?", out)
    wanted = case.expected["records"], sum("history" in record for record in records)
    if counts is None or (int(counts[1]), int(counts[2])) != wanted:
        yield f"/verify/counts: expected {wanted}, got {counts and counts[0]}"
    for event in case.expected["events"]:
        if event["offset"] >= case.expected["size"] or not case.expected["records"]:
            continue
        if event["event"] == "unexpected_eof":
            if "the log ends" not in out:
                yield "/verify/events: that the file ends early is not reported"
        elif f"at {event['offset']}:" not in out:
            yield f"/verify/events: {event['event']} at {event['offset']} is not reported"
        elif "resume" in event and f"at {event['resume']}" not in out.split(f"at {event['offset']}:", 1)[1]:
            yield f"/verify/events: reading goes on at {event['resume']}, which is not reported"
    if case.expected["events"] and status == 0:
        yield "/verify/status: damage was found, but the exit status is 0"
    if case.expected["end"] == "bad_header" and status != 2:
        yield f"/verify/status: expected 2 for a file that is no log, got {status}"
    ended = re.search(r"ended with exit code (-?\d+)", out)
    exits = [record["exit"].get("exit_code", 0) for record in records if "exit" in record]
    if exits and (ended is None or int(ended[1]) != exits[0]):
        yield f"/verify/exit: expected {exits[0]}, got {ended and ended[1]}"


def _value(item):
    if "value_json" in item:
        return json.loads(item["value_json"])
    if "json" in item:
        return json.loads(item["json"])
    if "integer" in item:
        return int(item["integer"])
    for name in ("boolean", "number", "text"):
        if name in item:
            value = item[name]
            return float(value) if name == "number" and isinstance(value, str) else value
    return None


def _rows(quipu, case, records):
    wanted = []
    for record in records:
        if "history" in record:
            row = {}
            for item in record["history"].get("item", []):
                put(row, item.get("nested_key") or [item.get("key", "")], _value(item))
            wanted.append(row)
    status, out, err = _call(quipu, "export", case.path, "--format", "jsonl")
    rows = [json.loads(line) for line in out.split("\n") if line]
    if wanted or rows:
        yield from differences(wanted, rows, "/rows")


def _upload(case, records):
    """What a server gets: the rows behind the run record, numbered, and the records that go as they are."""
    if case.expected["end"] == "bad_header":
        return
    sent = upload.of(case.path)
    kinds = [next((kind for kind in record if kind not in ("num", "control", "_info")), None) for record in records]
    if "run" not in kinds:
        if sent["history"] or sent["events"]:
            yield "/upload: something is sent of a log without a run"
        return
    begin = kinds.index("run")
    end = kinds.index("exit") if "exit" in kinds else len(kinds)
    rows, free = [], int(records[begin]["run"].get("starting_step", 0))
    for record in records[begin:end]:
        if "history" in record:
            row = {}
            for item in record["history"].get("item", []):
                put(row, item.get("nested_key") or [item.get("key", "")], _value(item))
            if not isinstance(row.get("_step"), int) or row["_step"] < free:
                row["_step"] = free
            free = row["_step"] + 1
            rows.append(row)
    yield from differences(rows, [json.loads(line) for line in sent["history"]], "/upload/history")
    events = []
    start = _seconds(records[begin]["run"].get("start_time"))
    for record in records[begin:end]:
        if "timestamp" in record.get("stats", {}):
            at = _seconds(record["stats"]["timestamp"])
            event = {"_wandb": True, "_timestamp": round(at, 3), "_runtime": round(at - start, 3)}
            for item in record["stats"].get("item", []):
                event["system." + item["key"]] = json.loads(item["value_json"])
            events.append(event)
    found = [json.loads(line) for line in sent["events"]]
    for event in found:
        event.update({key: round(event[key], 3) for key in ("_timestamp", "_runtime")})
    yield from differences(events, found, "/upload/events")
    files = [item["path"] for record in records for item in record.get("files", {}).get("files", [])]
    yield from differences(files, [file["path"] for file in sent["files"]], "/upload/files")
    alerts = [record["alert"]["title"] for record in records[begin:] if "alert" in record]
    yield from differences(alerts, [alert["title"] for alert in sent["alerts"]], "/upload/alerts")
    artifacts = [record["artifact"]["digest"] for record in records[begin:] if "artifact" in record]
    yield from differences(artifacts, [artifact["digest"] for artifact in sent["artifacts"]], "/upload/artifacts")
    exits = [record["exit"].get("exit_code", 0) for record in records if "exit" in record]
    if sent["exitcode"] != (exits[0] if exits else None):
        yield f"/upload/exitcode: expected {exits[:1]}, got {sent['exitcode']}"


def _seconds(text):
    """Of an RFC 3339 time in UTC, since 1970."""
    if not text:
        return 0.0
    whole, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))
