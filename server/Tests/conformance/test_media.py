"""Media, saved files and the console."""

import base64
import hashlib
import json

import requests


def files_of(run):
    return {file.name: file for file in run.files(per_page=3)}


def test_media_and_saved_files_come_back_byte_for_byte(server, run_client):
    outcome = run_client("""
import hashlib, json, os, pathlib, time
import numpy as np
import wandb
rng = np.random.default_rng(0)
run = wandb.init(project="media", id="media")
for i in range(2):
    run.log({"img": wandb.Image(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8), caption=f"cap {i}"),
             "hist": wandb.Histogram(rng.normal(size=200), num_bins=8), "i": i})
run.log({"imgs": [wandb.Image(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(3)]})
run.log({"html": wandb.Html("<b>hi \\u00fc</b>")})
pathlib.Path("now.txt").write_text("now\\n")
run.save("now.txt", policy="now")
pathlib.Path("end.bin").write_bytes(bytes(range(256)) * 5000)
run.save("end.bin", policy="end")
pathlib.Path("live.txt").write_text("first\\n")
run.save("live.txt", policy="live")
os.makedirs("deep/er", exist_ok=True)
for name in ["empty.txt", "a b+c&d=e.txt", "\\u00fcn\\u00efcode.txt", "100%.txt", "q?#.txt"]:
    pathlib.Path("deep/er", name).write_bytes(b"" if name == "empty.txt" else name.encode())
run.save("deep/er/*", base_path="deep", policy="now")
time.sleep(1)
pathlib.Path("live.txt").write_text("second and longer\\n")
pathlib.Path("end.bin").write_bytes(bytes(range(255, -1, -1)) * 4000)
run.finish()
root = pathlib.Path(run.dir)
print(json.dumps({str(p.relative_to(root)): hashlib.md5(p.read_bytes()).hexdigest()
                  for p in root.rglob("*") if p.is_file()}))
""")
    local = outcome.json
    run = server.api().run("local/media/media")
    files = files_of(run)
    for name in ["now.txt", "end.bin", "live.txt", "er/empty.txt", "er/a b+c&d=e.txt", "er/\u00fcn\u00efcode.txt",
                 "er/100%.txt", "er/q?#.txt", "config.yaml", "wandb-summary.json", "wandb-metadata.json",
                 "requirements.txt"]:
        assert name in files, (name, sorted(files))
        assert name in local, (name, sorted(local))
    media = [name for name in files if name.startswith("media/")]
    assert len([name for name in media if name.startswith("media/images/")]) == 5, media
    assert len([name for name in media if name.endswith(".html")]) == 1, media
    for name, file in files.items():
        if name not in local or name == "output.log":
            continue
        path = file.download(root=str(outcome.directory / "down"), replace=True).name
        data = open(path, "rb").read()
        assert hashlib.md5(data).hexdigest() == local[name], name
        assert file.size == len(data), name
        if data:
            assert hashlib.md5(data).digest() == base64.b64decode(file.md5), name
        # The signed URL needs no key.
        direct = requests.get(file.direct_url, timeout=30)
        assert direct.status_code == 200 and direct.content == data, name
    rows = server.history("media", "media")
    for i in range(2):
        image = rows[i]["img"]
        assert image["_type"] == "image-file" and image["caption"] == f"cap {i}" and image["path"] in files
        assert files[image["path"]].size == image["size"]
        data = (outcome.directory / "down" / image["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == image["sha256"]
        histogram = rows[i]["hist"]
        assert histogram["_type"] == "histogram" and sum(histogram["values"]) == 200 and len(histogram["bins"]) == 9
    assert rows[2]["imgs"]["_type"] == "images/separated" and rows[2]["imgs"]["count"] == 3
    assert rows[3]["html"]["_type"] == "html-file"
    # Ranges: what is cut from the middle is what lies there.
    whole = open(outcome.directory / "down" / "end.bin", "rb").read()
    part = requests.get(files["end.bin"].direct_url, headers={"Range": "bytes=1000-1999"}, timeout=30)
    assert part.status_code == 206 and part.content == whole[1000:2000]
    assert part.headers["Content-Range"] == f"bytes 1000-1999/{len(whole)}"
    assert requests.get(files["end.bin"].direct_url, headers={"Range": "bytes=-5"}, timeout=30).content == whole[-5:]
    assert requests.get(
        files["end.bin"].direct_url, headers={"Range": f"bytes={len(whole)}-"}, timeout=30).status_code == 416


def test_console_lines_levels_and_rewritten_progress(server, run_client):
    run_client("""
import sys, time
import wandb
run = wandb.init(project="media", id="console", settings=wandb.Settings(
    x_file_stream_transmit_interval=1, console="wrap"))
print("starting up")
print("warning text", file=sys.stderr)
for i in range(11):
    sys.stdout.write(f"\\rprogress {i}/10")
    sys.stdout.flush()
    time.sleep(0.2)
print()
print("two\\nlines at once")
print("\\x1b[31mred\\x1b[0m \\u00fc")
for i in range(200):
    print(f"line {i}")
run.finish()
""")
    lines = server.console("media", "console")
    assert [line["number"] for line in lines] == list(range(len(lines)))
    texts = [line["line"] for line in lines]
    assert texts[:2] == ["starting up", "warning text"]
    assert [line["level"] for line in lines[:2]] == ["", "error"]
    # Each picture of the bar was sent in its time; the line holds the last one.
    assert [text for text in texts if "progress" in text] == ["progress 10/10"]
    assert "two" in texts and "lines at once" in texts and "\x1b[31mred\x1b[0m \u00fc" in texts
    assert [text for text in texts if text.startswith("line ")] == [f"line {i}" for i in range(200)]
    assert all(line["timestamp"] for line in lines)
    run = server.api().run("local/media/console")
    pages = [(entry.number, entry.content) for entry in run.console_logs(per_page=7)]
    assert pages == [(line["number"], line["line"]) for line in lines]
    assert [entry.content for entry in run.console_logs(last=2)] == texts[-2:]
    stored = files_of(run)["output.log"]
    assert stored.size > 1000
    assert server.run("media", "console", "logLineCount")["logLineCount"] == len(lines)


def test_structured_console_lines_are_read_too(server):
    server.upsert("media", "structured")
    server.stream("local", "media", "structured", {"files": {"output.log": {"offset": 0, "content": [
        json.dumps({"ts": "2026-01-02T03:04:05.000006", "content": "to stdout"}),
        json.dumps({"level": "error", "ts": "2026-01-02T03:04:05.000007", "label": "r1", "content": "to stderr"}),
        "ERROR 2026-01-02T03:04:05.000008 [r2] plain",
        "2026-01-02T03:04:05.000009 ",
        "neither form",
    ]}}})
    lines = [(line["level"], line["label"], line["line"]) for line in server.console("media", "structured")]
    assert lines == [("", "", "to stdout"), ("error", "r1", "to stderr"), ("error", "r2", "plain"), ("", "", ""),
                     ("", "", "neither form")]
