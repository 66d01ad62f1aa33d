"""Our log reader and record decoder against an independent reader and the official protobuf classes.

Writes a few hundred damaged logs, lets both sides read them and compares records, damage and end. Our side is the Swift
test `writesReportsForThePeerTest`; QUIPU_SWIFT_TEST replaces the command that runs Swift tests.

Two known differences of Python's protobuf, where we do as the official core (Go) does: it drops map entries that hold an
unknown field, and it accepts field number 0 inside a group that it skips.
"""

import importlib.util
import json
import os
import pathlib
import random
import shlex
import shutil
import struct
import subprocess
import zlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = pathlib.Path(os.environ.get("QUIPU_VECTORS", ROOT / "Tests/Vectors")) / "transaction-log"
BLOCK = 32768


def swift_test_command():
    if "QUIPU_SWIFT_TEST" in os.environ:
        return shlex.split(os.environ["QUIPU_SWIFT_TEST"])
    candidates = [os.environ.get("SWIFT"), shutil.which("swift"), "/opt/swift/usr/bin/swift"]
    swift = next((c for c in candidates if c and os.access(c, os.X_OK)), None)
    if swift is None:
        pytest.skip("no swift command found")
    scratch = os.environ.get("QUIPU_SCRATCH", str(ROOT / ".build"))
    return [swift, "test", "--package-path", str(ROOT), "--scratch-path", scratch, "--disable-xctest"]


@pytest.fixture(scope="module")
def peer():
    pytest.importorskip("wandb.proto.wandb_internal_pb2", reason="the official client is not installed")
    pytest.importorskip("google.protobuf.json_format", reason="protobuf is not installed")
    spec = importlib.util.spec_from_file_location("dump_wandb", VECTORS / "dump_wandb.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def our_reports(folder):
    command = swift_test_command() + ["--filter", "writesReportsForThePeerTest"]
    done = subprocess.run(
        command, env={**os.environ, "QUIPU_LOG_REPORTS": str(folder)}, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return {p.name: json.loads(p.read_text("utf-8")) for p in folder.glob("*.ours.json")}


def their_report(peer, data):
    """Like `dump_wandb.py --report`, with None for a record that has no JSON form (times out of range)."""
    events = []
    try:
        _, payloads, found, end = peer.read_all(data)
    except ValueError:
        return {"records": [], "events": [], "end": "bad_header"}
    except peer.CleanEnd:
        return {"records": [], "events": [], "end": "eof"}
    except peer.UnexpectedEnd:
        return {"records": [], "events": [{"offset": 0, "event": "unexpected_eof"}], "end": "unexpected_eof"}
    for event in found:
        events.append({k: event[k] for k in ("offset", "event", "resume") if k in event})
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError
    from wandb.proto import wandb_internal_pb2

    records = []
    for offset, payload in payloads:
        record = wandb_internal_pb2.Record()
        try:
            record.ParseFromString(payload)
        except DecodeError:
            events.append({"offset": offset, "event": "bad_protobuf"})
            continue
        try:
            text = json_format.MessageToJson(record, preserving_proto_field_name=True)
        except (json_format.SerializeToJsonError, ValueError):
            records.append(None)
            continue
        found = json.loads(text)
        if "request" in found:
            found["request"] = {}  # its content is not ours to know
        records.append(found)
    return {"records": records, "events": sorted(events, key=lambda e: e["offset"]), "end": end}


def same(ours, theirs):
    """Equal as JSON values: 1 and 1.0 are one number, true is not."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return isinstance(ours, bool) == isinstance(theirs, bool) and ours == theirs


def drop_map_entries_unknown_to_the_peer(ours, theirs):
    """Python's protobuf drops a map entry with an unknown field in it, the official core (Go) and we keep it."""
    for name in ("disk", "slurm"):
        entries = ours.get("environment", {}).get(name)
        if entries and theirs:
            known = theirs["environment"].get(name, {})
            kept = {key: value for key, value in entries.items() if key in known}
            if kept:
                ours["environment"][name] = kept
            else:
                del ours["environment"][name]


def compare(peer, folder, names):
    reports = our_reports(folder)
    assert len(reports) == len(names)
    totals = {"records": 0, "events": 0}
    for name in names:
        ours = reports[name + ".ours.json"]
        theirs = their_report(peer, (folder / (name + ".wandb")).read_bytes())
        context = f"{name} in {folder}"
        assert ours["end"] == theirs["end"], context
        assert sorted(ours["events"], key=lambda e: e["offset"]) == theirs["events"], context
        assert len(ours["records"]) == len(theirs["records"]), context
        for index, (a, b) in enumerate(zip(ours["records"], theirs["records"])):
            drop_map_entries_unknown_to_the_peer(a, b)
            assert b is None or same(a, b), f"{context}, record {index}: {a} != {b}"
        totals["records"] += len(ours["records"])
        totals["events"] += len(ours["events"])
    return totals


def good_logs():
    names = "scalars events media typed_values artifact multi_block block_empty_first block_exact block_padded large_record"
    return [(VECTORS / f"{name}.wandb").read_bytes() for name in names.split()]


def damaged(log, rng):
    log = bytearray(log)
    for _ in range(rng.randint(1, 4)):
        if not log:
            break
        at = rng.randrange(len(log))
        size = min(len(log) - at, rng.randint(0, rng.choice((12, 9000))))
        kind = rng.randrange(8)
        if kind <= 1:
            log[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del log[at : at + size]
        elif kind == 3:
            del log[at:]
        elif kind == 4:
            log[at:at] = rng.randbytes(size)
        elif kind == 5:
            log[at : at + size] = bytes(size)
        elif kind == 6:
            start = at - at % BLOCK
            block = log[start : start + BLOCK]
            if rng.random() < 0.5:
                del log[start : start + BLOCK]
            else:
                log[start:start] = block
        else:
            log += bytes(size)
    if rng.random() < 0.9:
        log[:7] = b":W&B\xe1\xbe\x00"[: len(log)]
    return bytes(log)


def framed(payloads):
    """A good log in a writer of its own: at most one block, FULL chunks only."""
    log = bytearray(b":W&B\xe1\xbe\x00")
    for payload in payloads:
        body = b"\x01" + payload
        chunk = struct.pack("<IH", zlib.crc32(body), len(payload)) + body
        if len(log) + len(chunk) > BLOCK:
            break
        log += chunk
    return bytes(log)


def changed_payload(payload, rng):
    payload = bytearray(payload)
    for _ in range(rng.randint(1, 3)):
        if not payload:
            break
        at = rng.randrange(len(payload))
        kind = rng.randrange(5)
        if kind == 0:
            payload[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            payload[at] = rng.randrange(256)
        elif kind == 2:
            del payload[at]
        elif kind == 3:
            payload.insert(at, rng.randrange(256))
        else:
            # A whole unknown or known field of any wire type at the top level.
            payload += rng.choice(
                (b"\x0b\x08\x01\x0c", b"\x0d\1\2\3\4", b"\x09" + bytes(8), b"\xfa\x01\x02ab", b"\x92\x01\x00", b"\x08\x07")
            )
    return bytes(payload)


def test_finds_the_same_in_damaged_files(peer, tmp_path):
    rng = random.Random(20)
    bases = good_logs()
    names = []
    for index in range(250):
        names.append(f"damaged_{index:03}")
        (tmp_path / (names[-1] + ".wandb")).write_bytes(damaged(rng.choice(bases), rng))
    totals = compare(peer, tmp_path, names)
    assert totals["records"] > 1000 and totals["events"] > 100


def test_decodes_and_refuses_the_same_payloads(peer, tmp_path):
    rng = random.Random(21)
    payloads = [p for log in good_logs() for _, p in peer.read_all(log)[1] if len(p) < 4000]
    names = []
    for index in range(300):
        names.append(f"payloads_{index:03}")
        log = framed(changed_payload(rng.choice(payloads), rng) for _ in range(40))
        (tmp_path / (names[-1] + ".wandb")).write_bytes(log)
    totals = compare(peer, tmp_path, names)
    assert totals["records"] > 1000 and totals["events"] > 100


def filled(message, rng):
    """Sets every field of a message, and of those inside it; one member of each oneof."""
    from google.protobuf.descriptor import FieldDescriptor as F

    numbers = {F.TYPE_INT64: 63, F.TYPE_SINT64: 63, F.TYPE_INT32: 31, F.TYPE_UINT32: 32, F.TYPE_UINT64: 64}
    chosen = {}
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            if field is not chosen.setdefault(oneof.name, rng.choice(oneof.fields)):
                continue

        def value():
            if field.type == F.TYPE_STRING:
                return rng.choice(("", "é", "text")) if field.is_repeated else "".join(rng.choices("aß語🎉", k=3))
            if field.type == F.TYPE_BOOL:
                return True
            if field.type == F.TYPE_DOUBLE:
                return rng.choice((-0.0, 1.5, float("inf"), float("nan")))
            if field.type == F.TYPE_ENUM:
                return rng.choice([v.number for v in field.enum_type.values] + [99])
            signed = field.type in (F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_INT32)
            return rng.randrange(1, 2 ** numbers[field.type]) * (rng.choice((1, -1)) if signed else 1)

        if field.message_type is None:
            if field.is_repeated:
                getattr(message, field.name).extend(value() for _ in range(2))
            else:
                setattr(message, field.name, value())
        elif field.message_type.GetOptions().map_entry:
            entries = getattr(message, field.name)
            for key in ("/", ""):
                if field.message_type.fields_by_name["value"].message_type is None:
                    entries[key] = "v" + key
                else:
                    filled(entries[key], rng)
        elif field.message_type.full_name == "google.protobuf.Timestamp":
            time = getattr(message, field.name)
            time.seconds, time.nanos = rng.randrange(-(10**10), 10**11), rng.choice((0, 5 * 10**8, 10**3, 1))
        elif field.is_repeated:
            for _ in range(2):
                filled(getattr(message, field.name).add(), rng)
        else:
            part = getattr(message, field.name)
            part.SetInParent()
            filled(part, rng)


def test_reads_every_field_of_every_message(peer, tmp_path):
    from wandb.proto import wandb_internal_pb2

    rng = random.Random(22)
    names = []
    for member in wandb_internal_pb2.Record.DESCRIPTOR.oneofs_by_name["record_type"].fields:
        if member.name == "request":
            continue  # never stored; its content is not read
        payloads = []
        for _ in range(20):
            record = wandb_internal_pb2.Record(num=rng.randrange(1, 2**40), uuid="u")
            filled(record.control, rng)
            filled(record._info, rng)
            getattr(record, member.name).SetInParent()
            filled(getattr(record, member.name), rng)
            payloads.append(record.SerializeToString())
        log = framed(payloads)
        assert len(peer.read_all(log)[1]) >= 5
        names.append(member.name)
        (tmp_path / (member.name + ".wandb")).write_bytes(log)
    totals = compare(peer, tmp_path, names)
    assert len(names) == 22 and totals["events"] == 0
