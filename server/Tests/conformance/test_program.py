"""The program itself: its start, keys, options and pages."""

import os
import pathlib
import ssl
import stat
import subprocess
import urllib.request

import pytest
from conftest import PROGRAM, Server, basic

ROOT = pathlib.Path(__file__).resolve().parents[3]


def program(*arguments, timeout=60):
    return subprocess.run([str(PROGRAM), *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def test_the_version_is_that_of_the_project():
    assert program("--version").stdout.strip() == (ROOT / "VERSION").read_text().strip()


def test_quipu_serve_is_the_same_program():
    command = os.environ.get("QUIPU_COMMAND", ROOT / "build/bin/quipu")
    done = subprocess.run([command, "serve", "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, (ROOT / "VERSION").read_text().strip()), done.stderr


def test_a_first_start_makes_a_key_that_later_starts_keep(tmp_path):
    server = Server(tmp_path / "data")
    try:
        key, kept = server.key, server.data / "api-key"
        assert len(key) == 40 and kept.read_text().strip() == key
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
        server.restart()
        assert server.key == key
        assert server.graphql("{ viewer { username } }") == {"viewer": {"username": "local"}}
    finally:
        server.stop()


def test_another_address_needs_a_key_first(tmp_path):
    refused = program("--data", tmp_path / "d", "--host", "0.0.0.0", "--port", "0")
    assert refused.returncode != 0
    assert "refusing to listen on 0.0.0.0 without an API key" in refused.stderr
    assert "keys add" in refused.stderr


def test_keys_are_made_listed_and_revoked(tmp_path):
    data = tmp_path / "d"
    made = program("keys", "add", "reader", "--read-only", "--data", data)
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    listed = program("keys", "list", "--data", data).stdout
    assert "reader" in listed and "read-only" in listed and secret not in listed
    number = listed.split("\t")[0]
    assert program("keys", "remove", number, "--data", data).returncode == 0
    assert program("keys", "list", "--data", data).stdout == ""
    assert program("keys", "remove", number, "--data", data).returncode != 0


def test_two_servers_do_not_share_a_directory(start_server):
    server = start_server()
    second = program("--data", server.data, "--port", "0")
    assert second.returncode != 0
    assert str(server.pid) in second.stderr, second.stderr


@pytest.mark.parametrize("options", [
    ["--port", "70000"], ["--tls-cert", "x"], ["--crash-after", "0"], ["--log-level", "loud"], ["--webhook", "ftp://x"],
    ["--rate-limit", "-1"], ["--user", "a b"],
])
def test_options_that_cannot_be_are_refused_in_words(tmp_path, options):
    refused = program("--data", tmp_path / "d", *options)
    assert refused.returncode != 0
    assert "rror" in refused.stderr, refused.stderr


def test_it_speaks_https(tmp_path, start_server):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key.pem", "-out",
         tmp_path / "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True)
    server = start_server("--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    assert server.url.startswith("https://")
    trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    request = urllib.request.Request(server.url + "/", headers={"Authorization": basic(server.key)})
    with urllib.request.urlopen(request, context=trust, timeout=20) as answer:
        assert answer.status == 200 and b"Projects" in answer.read()


def test_a_rate_limit_is_told_and_held(start_server):
    server = start_server("--rate-limit", "3")
    server.upsert("p", "r")
    seen = [server.request("POST", "/files/local/p/r/file_stream", {}) for _ in range(8)]
    statuses = [status for status, _, _ in seen]
    # A minute may turn in between; then there are two counts of three.
    assert statuses.count(429) >= 2 and statuses[0] == 200, statuses
    assert seen[0][1]["RateLimit-Limit"] == "3" and seen[0][1]["RateLimit-Remaining"] == "2"
    refused = next(fields for status, fields, _ in seen if status == 429)
    assert 1 <= int(refused["Retry-After"]) <= 60 and refused["RateLimit-Remaining"] == "0"


def test_pages_show_projects_runs_and_files_and_escape_what_they_show(server):
    evil = '<script>alert("x")</script>'
    server.upsert("pages", "run-1", displayName=evil, config='{"lr":{"value":0.5}}', notes=evil, tags=["a&b"])
    server.stream("local", "pages", "run-1", {
        "files": {"wandb-summary.json": {"offset": 0, "content": ['{"acc":0.75}']}}, "complete": True, "exitcode": 0})
    assert server.request("PUT", "/files/local/pages/run-1/dir/a%20b.txt", b"hello")[0] == 200
    for path, expected in [("/", "local/pages"), ("/local", "local/pages"), ("/local/pages", "finished"),
                           ("/local/pages/workspace", "0.75"), ("/local/pages/runs/run-1", "0.5")]:
        status, fields, body = server.request("GET", path)
        page = body.decode()
        assert status == 200 and fields["Content-Type"].startswith("text/html"), (path, status)
        assert expected in page, path
        assert "<script" not in page
        assert "default-src 'none'" in fields["Content-Security-Policy"]
    assert "&lt;script&gt;" in page and "a&amp;b" in page and "/files/local/pages/run-1/dir/a%20b.txt" in page
    status, fields, body = server.request("GET", "/files/local/pages/run-1/dir/a%20b.txt")
    assert (status, body) == (200, b"hello")
    for path in ["/nobody", "/local/none", "/local/pages/runs/none", "/a/b/c/d/e"]:
        assert server.request("GET", path)[0] == 404, path
    status, fields, _ = server.request("GET", "/", key=None)
    assert status == 401 and fields["WWW-Authenticate"].startswith("Basic")
    status, _, body = server.request("GET", "/authorize", key=None)
    assert status == 200 and server.key not in body.decode()
