"""Files of a run: what `save` and media name arrives as it is, once, whatever happens on the way."""

import hashlib
import json
import pathlib
import random
import time

import pytest
from conftest import QUIET, log_of, run_directory
from faults import PUT, plan
from programs import fill
from state import assert_rows, content_digest, server_state

OFFLINE = {"WANDB_MODE": "offline", **QUIET}

# Names and contents that something on the way could trip over.
CONTENTS = {
    "plain.txt": b"one line\n",
    "empty": b"",
    "deep/er/than/that.bin": bytes(range(256)) * 40,
    "with space & plus+.txt": b"x",
    "h\u00e9llo/\u4e16\u754c.json": b"{}",
    "percent%20%.txt": b"%",
    "question?mark#hash;semi.txt": b"?",
    "quote'\"back.txt": b"q",
    "large.dat": random.Random(4).randbytes(3_000_001),
}

SAVING = """
import pathlib
import wandb
run = wandb.init(project="files", id=ID, name="saving")
for name, content in CONTENTS.items():
    path = pathlib.Path("tree") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    run.save(str(path), base_path="tree", policy=POLICY, **MORE)
run.log({"x": 0})
run.finish()
"""


def saved(clients, run_id, contents=CONTENTS, policy="now", env=OFFLINE, **options):
    # Our `save` takes names with pattern characters literally only if it is told so.
    more = {"glob": False} if clients.library == "quipu" else {}
    return clients(fill(SAVING, ID=run_id, CONTENTS=contents, POLICY=policy, MORE=more), env=env, **options)


def files_of(server, run_id, project="files"):
    """name -> MD5 of what the server gives."""
    return {file.name: content_digest(server, file) for file in server.api().run(f"local/{project}/{run_id}").files()}


def digests(contents):
    return {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}


def assert_arrived(server, run_id, contents):
    there = files_of(server, run_id)
    assert {name: there.get(name) for name in contents} == digests(contents)


@pytest.mark.parametrize("policy", ["now", "end", "live"])
def test_saved_files_arrive_as_they_are(server, quipu, run_id, policy):
    made = saved(quipu, run_id, policy=policy)
    quipu.sync(run_directory(made), directory=made.directory)
    assert_arrived(server, run_id, CONTENTS)
    assert_rows(server, "files", run_id, 1)


def test_files_saved_by_the_official_client_arrive_as_they_are(server, quipu, official, run_id):
    contents = {name: content for name, content in CONTENTS.items() if "?" not in name}
    made = saved(official, run_id, contents)
    quipu.sync(run_directory(made), directory=made.directory)
    assert_arrived(server, run_id, contents)


def test_uploads_carry_no_credentials_and_few_requests_name_many_files(server, proxy, quipu, run_id):
    contents = {f"many/{number:03}.txt": str(number).encode() for number in range(300)}
    made = saved(quipu, run_id, contents)
    between = proxy()
    quipu.sync(run_directory(made), server=between, directory=made.directory)
    assert_arrived(server, run_id, contents)
    assert between.count("CreateRunFiles") <= 6
    uploads = between.of(PUT)
    assert len(uploads) >= 300
    for request in uploads:
        assert request.header("Authorization") is None
        assert request.header("Content-Length") is not None and request.header("Transfer-Encoding") is None


@pytest.mark.parametrize("fault", [
    plan.status(500), plan.status(503, retry_after=0), plan.status(429, retry_after=0), plan.reset_request(),
    plan.reset_request(100), plan.lost_answer(), plan.reset_answer(), plan.status(403),
], ids=str)
def test_trouble_with_an_upload_loses_nothing(server, proxy, quipu, run_id, fault):
    made = saved(quipu, run_id)
    between = proxy(plan.Rule(PUT, fault, times=3))
    quipu.sync(run_directory(made), server=between, directory=made.directory)
    assert len(between.faults()) == 3
    assert_arrived(server, run_id, CONTENTS)


def test_a_file_that_the_storage_refuses_does_not_hold_up_the_others(server, proxy, quipu, run_id):
    made = saved(quipu, run_id)
    between = proxy(plan.Rule(lambda request: request.kind == PUT and "plain.txt" in request.path, plan.status(404), None))
    done = quipu.sync(run_directory(made), server=between, directory=made.directory, check=False)
    assert "plain.txt" in done.stdout + done.stderr
    assert_arrived(server, run_id, {name: content for name, content in CONTENTS.items() if name != "plain.txt"})
    assert "plain.txt" not in {name for request in between.streams() for name in request.get("uploaded", [])}


def test_a_file_that_has_gone_is_named_and_the_rest_arrives(server, quipu, run_id):
    made = saved(quipu, run_id)
    (made.directory / "tree/plain.txt").unlink()
    done = quipu.sync(run_directory(made), directory=made.directory, check=False)
    assert "plain.txt" in done.stdout + done.stderr
    assert_arrived(server, run_id, {name: content for name, content in CONTENTS.items() if name != "plain.txt"})
    assert server.run("files", run_id, "state")["state"] == "finished"


def test_a_directory_that_leads_out_of_the_run_is_not_followed(server, quipu, run_id, tmp_path):
    made = saved(quipu, run_id, {"deep/secret.txt": b"harmless", "kept.txt": b"kept"})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("password")
    inside = run_directory(made) / "files/deep"
    for path in inside.iterdir():
        path.unlink()
    inside.rmdir()
    inside.symlink_to(outside)
    done = quipu.sync(run_directory(made), directory=made.directory, check=False)
    there = files_of(server, run_id)
    assert "deep/secret.txt" not in there and there["kept.txt"] == hashlib.md5(b"kept").hexdigest()
    assert "secret.txt" in done.stdout + done.stderr


def test_ignored_files_stay(server, quipu, run_id):
    made = saved(quipu, run_id, {"a.ckpt": b"1", "deep/b.ckpt": b"2", "c.txt": b"3"})
    quipu.sync(run_directory(made), directory=made.directory, env={"WANDB_IGNORE_GLOBS": "*.ckpt,media/*"})
    assert {name for name in files_of(server, run_id) if not name.endswith((".yaml", ".json", ".log"))} == {"c.txt"}


def test_a_live_run_sends_a_file_again_when_it_changes(server, quipu, run_id):
    process = quipu.start(fill("""
import pathlib, time
import wandb
run = wandb.init(project="files", id=ID, mode="online")
run.log({"x": 0})
pathlib.Path("live.txt").write_text("first")
run.save("live.txt", policy="live")
while not pathlib.Path("go").exists():
    time.sleep(0.05)
pathlib.Path("live.txt").write_text("second")
while not pathlib.Path("end").exists():
    time.sleep(0.05)
pathlib.Path("live.txt").write_text("third, at the end")
run.finish()
""", ID=run_id), env=QUIET)

    def wait_for_content(text):
        digest, deadline = hashlib.md5(text.encode()).hexdigest(), time.monotonic() + 30
        while True:
            try:
                if files_of(server, run_id).get("live.txt") == digest:
                    return
            except Exception:
                pass  # There is no such run yet.
            assert time.monotonic() < deadline, f"{text!r} did not arrive\n{(process.directory / 'stderr').read_text()}"
            time.sleep(0.1)

    wait_for_content("first")
    (process.directory / "go").touch()
    wait_for_content("second")
    (process.directory / "end").touch()
    assert process.wait(60) == 0
    assert files_of(server, run_id)["live.txt"] == hashlib.md5(b"third, at the end").hexdigest()


def test_a_large_file_is_sent_with_little_memory(server, quipu, run_id):
    size = 300 << 20
    made = quipu(fill("""
import wandb
with open("huge.bin", "wb") as file:
    file.truncate(SIZE)
run = wandb.init(project="files", id=ID)
run.save("huge.bin", policy="now")
run.finish()
""", ID=run_id, SIZE=size), env=OFFLINE)
    process = quipu.start_sync(run_directory(made), directory=made.directory)
    peak, deadline = 0, time.monotonic() + 120
    while process.poll() is None:
        assert time.monotonic() < deadline
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            if pathlib.Path(f"/proc/{process.pid}/exe").resolve().name == "quipu":
                peak = max([peak] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")])
        except OSError:
            pass
        time.sleep(0.02)
    assert process.returncode == 0
    [huge] = [file for file in server.api().run(f"local/files/{run_id}").files() if file.name == "huge.bin"]
    assert huge.size == size
    assert 0 < peak < 64 << 10, f"{peak} KiB"


def test_what_was_uploaded_before_a_kill_is_not_sent_again(server, proxy, quipu, run_id):
    contents = {f"f{number}.txt": str(number).encode() * 100 for number in range(40)}
    made = saved(quipu, run_id, contents)
    between = proxy(plan.Rule(PUT, plan.stall(60), None, skip=20))
    process = quipu.start_sync(run_directory(made), server=between, directory=made.directory)
    side = pathlib.Path(str(log_of(run_directory(made))) + ".uploaded")
    deadline = time.monotonic() + 60
    while not side.exists() or len([line for line in side.read_text().splitlines() if line]) < 20:
        assert time.monotonic() < deadline, "20 files did not arrive"
        time.sleep(0.05)
    process.kill()
    process.wait()
    # Behind another address it would be another server.
    between.plan.clear()
    known = {json.loads(line)["path"] for line in side.read_text().splitlines() if line}
    before = len(between.of("CreateRunFiles"))
    quipu.sync(run_directory(made), server=between, directory=made.directory)
    again = [name for request in between.of("CreateRunFiles")[before:] for name in request.json["variables"]["files"]]
    assert known.isdisjoint(again) and len(again) == len(set(again))
    assert_arrived(server, run_id, contents)
    named = {name for request in between.streams() for name in request.get("uploaded", [])}
    assert set(contents) <= named


def test_both_clients_make_the_same_files_of_an_official_run(server, start_server, quipu, official, run_id, tmp_path):
    import shutil

    contents = {name: content for name, content in CONTENTS.items() if "?" not in name}
    made = saved(official, run_id, contents)
    other = start_server()
    copy = tmp_path / "copy/wandb" / run_directory(made).name
    shutil.copytree(run_directory(made), copy, symlinks=True)
    quipu.sync(run_directory(made), directory=made.directory)
    official.sync(copy, server=other, directory=made.directory)
    ours, theirs = server_state(server, "files", run_id)["files"], server_state(other, "files", run_id)["files"]
    for name in ("wandb-metadata.json", "requirements.txt", "config.yaml", "output.log"):
        assert (name in ours) == (name in theirs), name
        ours.pop(name, None), theirs.pop(name, None)
    # Its members come in any order.
    assert ours.pop("wandb-summary.json")[0] == theirs.pop("wandb-summary.json")[0]
    assert ours == theirs
