import csv
import fcntl
import io
import json
import math
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, VECTORS
from logs import LogWriter, pb, read_log

EXPECTED = json.loads((VECTORS / "transaction-log" / "expected.json").read_text())


def columns(text):
    import unicodedata

    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text)


# ---------------------------------------------------------------------------------------------------------- usage


def test_version_is_that_of_the_project(quipu):
    done = quipu("--version")
    assert (done.returncode, done.stdout) == (0, f"quipu {(ROOT / 'VERSION').read_text().strip()}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["show", "--help"], ["export", "-h"], ["verify", "--help"],
                                       ["recover", "--help"]])
def test_help_has_examples(quipu, arguments):
    done = quipu(*arguments)
    assert done.returncode == 0 and done.stderr == ""
    assert "Usage: quipu" in done.stdout and "Examples" in done.stdout
    assert all(len(line) <= 100 for line in done.stdout.splitlines())


@pytest.mark.parametrize("arguments", [["--nope"], ["nope"], ["show", "--nope"], ["export", "--format"],
                                       ["export", "--format", "xml"], ["show", "--all=1"], ["verify", "a", "b"]])
def test_a_mistake_is_one_line_and_status_2(quipu, arguments):
    done = quipu(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("quipu")


@pytest.mark.parametrize("name, status", [("show", 1), ("export", 1), ("verify", 2), ("recover", 1)])
def test_a_missing_run_is_one_line(quipu, name, status):
    done = quipu(name, "no/such/run")
    assert done.returncode == status and done.stderr.count("\n") == 1 and "no/such/run" in done.stderr


# ----------------------------------------------------------------------------------------------------------- show


def test_show_tells_what_the_run_is(quipu, vector):
    text = quipu("show", vector("scalars")).stdout
    assert re.search(r"^brisk-heron-1  vscalar1  finished$", text, re.M)
    for line in ("project    vectors", "group      sweep-a", "tags       baseline, v1", "rows       3, steps 0 to 2",
                 "opt.betas  [0.9,0.999]", "epochs     3", "best_epoch  2", "label       done"):
        assert line in text
    assert re.search(r"^  epoch +▁▅█ +20 +0 +20$", text, re.M)
    assert re.search(r"^  loss +█▁▄ +0.624971 +0.3559 +0.8967$", text, re.M)


def test_show_keeps_the_last_identity(quipu, vector):
    text = quipu("show", vector("events")).stdout
    assert text.startswith("renamed run  vevents1  failed, exit code 3\n") and "changed notes" in text


def test_show_does_not_take_a_picture_for_a_metric(quipu, vector):
    text = quipu("show", vector("media")).stdout
    assert "sample.width" not in text and re.search(r"^  sample +<image-file .*5x4>$", text, re.M)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_show_survives_every_log(quipu, vector, name):
    done = quipu("show", vector(name))
    assert done.returncode in (0, 1)
    assert (done.returncode == 1) == (EXPECTED[name]["records"] == 0 or name in ("header_only", "kill_early"))


@pytest.mark.parametrize("width", [40, 64, 80, 132])
def test_show_fits_the_width(quipu, tmp_path, width):
    log = LogWriter()
    log.header()
    log.run(config={"a/very/long/configuration/key/that/goes/on/and/on/and/on": "0.25", "データ": '"長い文章"',
                    "text": json.dumps("long " * 100), "escape": '"\\u001b[31mred\\n"'})
    keys = [f"train/encoder/layer_{i}/self_attention/query/gradient_norm" for i in range(200)] + ["学習/損失", "🦊"]
    for step in range(30):
        log.row(step, {key: repr(math.exp(-step) * 10.0 ** (i % 9 - 4)) for i, key in enumerate(keys)})
    log.exit()
    path = log.save(tmp_path / "run-abc.wandb")
    done = quipu("show", path, "--all", env={"COLUMNS": str(width)})
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert max(columns(line) for line in lines) <= width
    assert "\x1b" not in done.stdout
    names = [line.split("█")[0].strip() for line in lines if "█" in line]
    assert len(names) == 202
    if width >= 64:
        assert len(set(names)) == 202, "names that are cut stay different"
    short = quipu("show", path).stdout
    assert "40 of 202, --all shows the rest" in short


def test_show_prints_config_and_summary_as_json(quipu, vector):
    config = json.loads(quipu("show", vector("scalars"), "--config").stdout)
    assert config == {"lr": 0.001, "layers": [64, 32], "opt": {"name": "adam", "betas": [0.9, 0.999]}, "amp": True,
                      "epochs": 3}
    summary = json.loads(quipu("show", vector("scalars"), "--summary").stdout)
    assert summary["best_epoch"] == 2 and summary["_step"] == 2 and "_wandb" not in summary


@pytest.mark.parametrize("where", ["file", "directory", "link", "wandb", "project", "id", "nothing"])
def test_show_finds_the_run(quipu, vector, tmp_path, where):
    run = tmp_path / "wandb" / "offline-run-20260101_000000-vscalar1"
    old = tmp_path / "wandb" / "run-20250101_000000-vempty01"
    for directory, name in ((run, "scalars"), (old, "empty")):
        directory.mkdir(parents=True)
        shutil.copy(vector(name), directory / f"run-{directory.name[-8:]}.wandb")
    (tmp_path / "wandb" / "latest-run").symlink_to(run.name)
    argument = {"file": [run / "run-vscalar1.wandb"], "directory": [run], "link": ["wandb/latest-run"],
                "wandb": ["wandb"], "project": [tmp_path], "id": ["vscalar1"], "nothing": []}[where]
    assert "vscalar1" in quipu("show", *argument).stdout
    (tmp_path / "wandb" / "latest-run").unlink()
    if where != "link":
        assert "vscalar1" in quipu("show", *argument).stdout


def live_log(tmp_path, producer="0.1.0+quipu"):
    log = LogWriter()
    log.header(producer)
    log.run("live")
    log.row(0, {"loss": "1.5"})
    return log, log.save(tmp_path / "run-live.wandb")


def test_show_tells_a_running_run_by_its_lock(quipu, tmp_path):
    log, path = live_log(tmp_path)
    os.utime(path, (1, 1))
    with open(path, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = quipu("show", path)
        assert done.stdout.startswith("live  running\n")
        # A record that is half written is no damage.
        with open(path, "ab") as file:
            file.write(b"\x01\x02\x03")
        assert "damage" not in quipu("show", path).stdout
        assert quipu("verify", path).returncode == 0
        assert quipu("recover", path).returncode == 1
    done = quipu("show", path)
    assert done.stdout.startswith("live  crashed\n") or os.stat(path).st_mtime > 1
    os.utime(path, (1, 1))
    assert quipu("show", path).stdout.startswith("live  crashed\n")
    assert quipu("verify", path).returncode == 1


def test_show_takes_a_fresh_log_without_lock_for_running(quipu, tmp_path):
    _, path = live_log(tmp_path, "0.31.0+abc")
    assert quipu("show", path).stdout.startswith("live  running\n")
    os.utime(path, (1, 1))
    assert quipu("show", path).stdout.startswith("live  crashed\n")


def on_terminal(command, arguments, **env):
    """Runs the command on a pseudo terminal, returns what it shows."""
    leader, follower = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen([command, *arguments], stdout=follower, stderr=follower,
                               env={**environment, "TERM": "xterm", **env})
    os.close(follower)
    out = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        out += part
    os.close(leader)
    assert process.wait() == 0
    return out.decode()


def test_colours_are_for_terminals_that_want_them(command, vector):
    arguments = ["show", str(vector("scalars"))]
    assert "\x1b[1m" in on_terminal(command, arguments)
    assert "\x1b" not in on_terminal(command, arguments, NO_COLOR="1")
    assert "\x1b" not in on_terminal(command, arguments, TERM="dumb")
    assert "\x1b[1m" in on_terminal(command, arguments, NO_COLOR="")


# --------------------------------------------------------------------------------------------------------- export


def rows_of(name):
    """The rows of a vector from its decoded records: {joined path: JSON text}."""
    records = json.loads((VECTORS / "transaction-log" / f"{name}.json").read_text())
    return [record["history"] for record in records if "history" in record]


@pytest.mark.parametrize("name", ["scalars", "media", "events", "json_edges", "steps", "multi_block", "large_record"])
def test_jsonl_has_what_the_log_has(quipu, vector, name):
    # Only "\n" ends a line; splitlines() knows others, which a text may hold.
    lines = quipu("export", vector(name)).stdout.split("\n")[:-1]
    rows = rows_of(name)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows):
        expected = {}
        for item in row["item"]:
            inner = expected
            for part in item["nested_key"][:-1]:
                inner = inner.setdefault(part, {})
            inner[item["nested_key"][-1]] = json.loads(item["value_json"])
        assert repr(sorted(flat(json.loads(line)))) == repr(sorted(flat(expected)))


def flat(value, path=()):
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in flat(inner, path + (key,))]
    # 1.0 and 1 are one number in a log.
    return [(path, repr(float(value)) if type(value) in (int, float) and abs(value) < 2**53 else repr(value))]


def special_log(tmp_path):
    log = LogWriter()
    log.header()
    log.run()
    log.row(0, {"x": "NaN", "y": '[1,Infinity,{"z":NaN}]', ("n", "a"): "1", "t": '"a,\\"b\\"\\nc"',
                "big": "12345678901234567890"})
    log.row(1, {"x": "0.1", "n.a": "2", "s": '" padded"', "none": "null", "flag": "true", "bad": "{oops"})
    log.exit()
    return log.save(tmp_path / "run-abc.wandb")


def test_jsonl_spells_special_numbers_or_not(quipu, tmp_path):
    path = special_log(tmp_path)
    lines = quipu("export", path).stdout.splitlines()
    assert lines[0] == ('{"_step":0,"big":1.2345678901234567e+19,"n":{"a":1},"t":"a,\\"b\\"\\nc","x":NaN,'
                        '"y":[1,Infinity,{"z":NaN}]}')
    assert lines[1] == '{"_step":1,"flag":true,"n.a":2,"none":null,"s":" padded","x":0.1}'
    strict = quipu("export", path, "--strict").stdout.splitlines()

    def refuse(word):
        raise AssertionError(word)

    first = json.loads(strict[0], parse_constant=refuse)
    assert first["x"] is None and first["y"] == [1, None, {"z": None}]


def test_csv_has_a_column_for_each_key(quipu, tmp_path):
    text = quipu("export", special_log(tmp_path), "--format", "csv").stdout
    rows = list(csv.reader(io.StringIO(text)))
    header = ["_step", "big", "flag", "n.a", "n.a", "none", "s", "t", "x", "y"]
    assert sorted(rows[0]) == sorted(header) and rows[0][0] == "_step"
    assert len(rows) == 3 and all(len(row) == len(header) for row in rows)
    first, second = dict(zip(rows[0], rows[1])), dict(zip(rows[0], rows[2]))
    assert first["t"] == 'a,"b"\nc' and first["x"] == "NaN" and first["flag"] == ""
    # Readers of the log hold integers beyond 64 bits as doubles.
    assert first["big"] == "1.2345678901234567e+19"
    assert second["s"] == " padded" and second["flag"] == "true" and second["none"] == ""
    strict = quipu("export", special_log(tmp_path), "--format", "csv", "--strict").stdout
    assert "NaN" not in strict and "Infinity" not in strict


def test_typed_values_win(quipu, tmp_path):
    log = LogWriter()
    log.run()
    record = pb.Record()
    record.history.step.num = 7
    for key, field, value in (("a", "integer", -3), ("b", "number", 1.5), ("c", "text", "x"), ("d", "boolean", False),
                              ("e", "json", "[1]"), ("f", "none", 0)):
        item = record.history.item.add()
        item.nested_key.append(key)
        setattr(item, field, value)
        item.value_json = '"other"'
    log.add(record)
    path = log.save(tmp_path / "run-abc.wandb")
    assert quipu("export", path).stdout == (
        '{"_step":7,"a":-3,"b":1.5,"c":"x","d":false,"e":[1],"f":null}\n')


def test_export_into_a_file_replaces_it_whole(quipu, tmp_path, vector):
    target = tmp_path / "rows.csv"
    target.write_text("old")
    assert quipu("export", vector("no_header"), "--output", target).returncode == 1
    assert target.read_text() == "old"
    done = quipu("export", vector("scalars"), "--format=csv", "--output", target)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(target.read_text().splitlines()) == 4
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv"]


def test_export_of_a_torn_log_gives_its_rows_and_a_warning(quipu, vector):
    done = quipu("export", vector("kill_torn"))
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 7 and "damaged" in done.stderr


@pytest.mark.parametrize("restored", [True, False])
def test_a_reader_that_leaves_is_no_error(command, tmp_path, restored):
    log = LogWriter()
    log.run()
    for step in range(5000):
        log.row(step, {f"metric_{i}": "0.123456789" for i in range(10)})
    path = log.save(tmp_path / "run-abc.wandb")
    process = subprocess.Popen([command, "export", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               restore_signals=restored)
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) in (0, -13)


def test_a_full_disk_is_reported(command, vector):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [command, "export", str(vector("scalars"))], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "No space left" in done.stderr


# --------------------------------------------------------------------------------------------------------- verify

# What official tools do not notice and this program reports: bytes that readers pass over silently, records that make
# uploading fail.
STRICTER = {"empty_payload", "unknown_record_type", "orphan_last_chunk", "unknown_chunk_type", "two_exits",
            "zero_gap_same_block", "zero_gap_then_torn"}
UNUSABLE = {"header_bad_ident", "header_bad_magic", "header_version_1", "no_header", "header_only", "kill_early",
            "header_short", "zero_bytes"}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_verify_judges_as_official_readers(quipu, vector, name):
    expected = EXPECTED[name]
    is_clean = not expected["events"] and expected["end"] == "eof"
    status = 2 if name in UNUSABLE else 0 if is_clean and name not in STRICTER else 1
    done = quipu("verify", vector(name))
    assert done.returncode == status, done.stdout
    quiet = quipu("verify", vector(name), "--quiet")
    assert (quiet.returncode, quiet.stdout) == (status, "")
    if status < 2:
        assert f"{expected['records']:,} record" in done.stdout
        for event in expected["events"]:
            if event["event"] in ("corrupt", "bad_protobuf"):
                assert f"at {event['offset']}:" in done.stdout


def test_verify_counts_lost_records_by_their_numbers(quipu, vector):
    assert "16 records missing" in quipu("verify", vector("corrupt_block_0")).stdout


# -------------------------------------------------------------------------------------------------------- recover

DAMAGED = sorted(name for name in EXPECTED if name not in UNUSABLE)


@pytest.mark.parametrize("name", DAMAGED)
def test_recover_keeps_every_readable_record(quipu, vector, tmp_path, name):
    path = tmp_path / "run-abc.wandb"
    shutil.copy(vector(name), path)
    before = path.read_bytes()
    status = quipu("verify", path).returncode
    done = quipu("recover", path)
    assert done.returncode == 0, done.stderr
    assert quipu("verify", path).returncode == 0 or "records missing" in quipu("verify", path).stdout \
        or "record missing" in quipu("verify", path).stdout
    dropped = {"empty_payload": 1, "unknown_record_type": 1, "two_exits": 1}.get(name, 0)
    records = read_log(path) if path.read_bytes() != before else None
    if records is not None:
        assert len(records) == EXPECTED[name]["records"] - dropped
        assert (tmp_path / "run-abc.wandb.bak").read_bytes() == before
    else:
        assert status == 0 and "nothing to do" in done.stdout
        assert not (tmp_path / "run-abc.wandb.bak").exists()
    assert "nothing to do" in quipu("recover", path).stdout or name.startswith(("corrupt", "lost", "unknown_record"))
    assert not [p for p in tmp_path.iterdir() if p.name.endswith("~")]


def test_recovered_logs_are_clean_for_the_official_reader(quipu, vector, tmp_path):
    wandb = Path(sys.executable).parent / "wandb"
    if not wandb.exists():
        pytest.skip("the official client is not installed beside this Python")
    for name in ("kill_torn", "corrupt_block_0", "corrupt_middle_chunk", "garbage_tail", "zero_gap_same_block",
                 "orphan_first_chunk", "zero_tail_6"):
        path = tmp_path / f"{name}.wandb"
        assert quipu("recover", vector(name), "--output", path).returncode == 0
        done = subprocess.run([wandb, "leet", "inspect", "--json", path], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "skip" not in done.stderr.lower() and "incomplete" not in done.stderr.lower(), done.stderr
        assert len(done.stdout.splitlines()) == EXPECTED[name]["records"]


def test_recover_writes_elsewhere_when_asked(quipu, vector, tmp_path):
    path, target = tmp_path / "run-abc.wandb", tmp_path / "repaired.wandb"
    shutil.copy(vector("torn_payload"), path)
    before = path.read_bytes()
    assert quipu("recover", path, "--output", target).returncode == 0
    assert path.read_bytes() == before and len(read_log(target)) == 26
    assert sorted(p.name for p in tmp_path.iterdir()) == ["repaired.wandb", "run-abc.wandb"]


def test_recover_without_backup_leaves_one_file(quipu, vector, tmp_path):
    path = tmp_path / "run-abc.wandb"
    shutil.copy(vector("torn_payload"), path)
    assert quipu("recover", path, "--no-backup").returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["run-abc.wandb"]


def test_recover_numbers_its_backups(quipu, vector, tmp_path):
    path = tmp_path / "run-abc.wandb"
    for _ in range(2):
        shutil.copy(vector("torn_payload"), path)
        assert quipu("recover", path).returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "run-abc.wandb", "run-abc.wandb.bak", "run-abc.wandb.bak1"]


@pytest.mark.parametrize("name", sorted(UNUSABLE))
def test_recover_refuses_what_holds_nothing(quipu, vector, tmp_path, name):
    path = tmp_path / "run-abc.wandb"
    shutil.copy(vector(name), path)
    before = path.read_bytes()
    done = quipu("recover", path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1
