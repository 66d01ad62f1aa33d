"""What a hostile or broken client sends: a documented refusal in the protocol's own form, and nobody else harmed."""

import base64
import gzip
import hashlib
import hmac
import http.client
import json
import os
import random
import resource
import socket
import sqlite3
import subprocess
import time
import urllib.parse
import zlib

import pytest
from conftest import basic, wait_for

VIEWER = {"query": "{ viewer { id username } }"}


@pytest.fixture(scope="module")
def target(program, tmp_path_factory):
    """A server of this file's own, with one run that must stay as it is."""
    from conftest import Server, _ended

    server = Server(tmp_path_factory.mktemp("bad") / "data")
    server.upsert("bad", "run", config='{"a":{"value":1}}')
    server.stream("local", "bad", "run", {"files": {
        "wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0,"x":1}']},
        "output.log": {"offset": 0, "content": ["2026-01-01T00:00:00.000000 hello"]}}})
    status, _, _ = server.request("PUT", "/files/local/bad/run/good.txt", b"good")
    assert status == 200
    yield server
    _ended(server)
    assert "Fatal error" not in server.log


@pytest.fixture(autouse=True)
def unharmed(target):
    """After each test the server answers, and its run is what it was."""
    yield
    assert target.process.poll() is None, f"the server died\n{target.log[-4000:]}"
    assert target.graphql("{ viewer { username } }")["viewer"]["username"] == "local"
    assert [row["x"] for row in target.history("bad", "run")] == [1]
    assert [line["line"] for line in target.console("bad", "run")] == ["hello"]
    node = target.run("bad", "run", "config files { edges { node { name } } }")
    assert json.loads(node["config"]) == {"a": {"value": 1}}
    assert [edge["node"]["name"] for edge in node["files"]["edges"]] == ["good.txt"]


def message(body):
    """The text of an error in one of the protocol's forms (reference, 6.1)."""
    answer = json.loads(body)
    if "errors" in answer:
        assert not any((answer.get("data") or {}).values()) and answer["errors"][0]["message"]
        return answer["errors"][0]["message"]
    assert isinstance(answer["error"], str) and answer["error"]
    return answer["error"]


def refused(answer, *statuses):
    status, _, body = answer
    assert status in statuses, (status, body[:500])
    return message(body)


def raw(target, data, timeout=30, shut=False, until=None):
    """Sends bytes, reads until the server closes, or `until` it said something. What it said."""
    with socket.create_connection((target.host, target.port), timeout=timeout) as connection:
        connection.sendall(data)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while (until is None or until not in answer) and (chunk := connection.recv(65536)):
                answer += chunk
        except (ConnectionResetError, TimeoutError):
            pass
        return answer


def head(target, method, path, *lines, key=True):
    fields = [f"{method} {path} HTTP/1.1", f"Host: {target.host}:{target.port}", "Connection: close", *lines]
    if key:
        fields.append("Authorization: " + basic(target.key))
    return ("\r\n".join(fields) + "\r\n\r\n").encode()


STREAM = "/files/local/bad/run/file_stream"


# JSON and GraphQL

@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b"[]", b"3", b'"text"', b"{}", b'{"query": 3}', b'{"query": null}', b'{"query": ""}',
    b'{"query": "{ viewer { id } }", "variables": [1]}', b'{"query": "{ viewer { id } }", "variables": "x"}',
    b'{"query": "{ viewer { id } }"} trailing', b'\xff\xfe{"query": 1}', b'{"query": "\xff\xfe"}',
    b'{"query": "{ viewer { id } }", "operationName": 7}', b'{"query": "\\ud800"}', b"\x00" * 100,
    b'{"query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"query":' * 100_000,
])
def test_a_malformed_graphql_body_is_refused(target, body):
    refused(target.request("POST", "/graphql", body), 400)


@pytest.mark.parametrize("query", [
    "{", "}", "{ viewer", "query { viewer { id } } }", "{ viewer { nonsense } }", "{ nonsense }", "{ viewer }",
    "{ viewer { id { x } } }", "query Q($a: Int!) { viewer { id } }", "query Q($a: Nope) { viewer { id } }",
    "{ viewer { ...Missing } }", "fragment A on User { ...A } { viewer { ...A } }",
    "fragment A on User { ...B } fragment B on User { ...A } { viewer { ...A } }",
    "{ project(name: 3) { id } }", "{ project(bogus: 3) { id } }", "mutation { nonsense }",
    "subscription { viewer { id } }",
    '{ project(name: "\\uD800") { id } }', '{ project(name: "unterminated) { id } }', 
    "{ a: viewer { id } a: serverInfo { __typename } }",
    "{ viewer { id @skip(if: 3) } }", "{ viewer { id @nonsense } }", "\u0000", "{" * 50_000,
    "{ viewer " * 20_000, "query " + "{ viewer { id } } query " * 3, '{ project(name: """block) { id } }',
    "query A { viewer { id } } query B { viewer { id } }",
    "{ project(name: " + "[" * 20_000 + ") { id } }",
])
def test_a_malformed_graphql_document_is_refused(target, query):
    status, _, body = target.request("POST", "/graphql", {"query": query})
    assert status in (200, 400), body[:300]
    assert message(body)


def test_a_query_that_grows_without_end_is_bounded(target):
    # Each fragment spreads the one before ten times: 10^9 fields in 1 kB.
    fragments = "".join(
        f"fragment F{n} on User {{ " + " ".join(f"a{n}{i}: __typename ...F{n - 1}" for i in range(10)) + " } "
        for n in range(1, 10)) + "fragment F0 on User { id }"
    started = time.monotonic()
    status, _, body = target.request("POST", "/graphql", {"query": "{ viewer { ...F9 } } " + fragments})
    assert status in (200, 400) and time.monotonic() - started < 20
    # Aliases: many fields of one answer; either bounded or simply answered.
    many = "{ " + " ".join(f"a{i}: viewer {{ id }}" for i in range(20_000)) + " }"
    status, _, body = target.request("POST", "/graphql", {"query": many})
    assert status in (200, 400), body[:200]


@pytest.mark.parametrize("input", [
    {"modelName": "a/b"}, {"modelName": "x" * 129}, {"modelName": ".."}, {"modelName": "q?"}, {"name": "a:b"},
    {"name": ".."}, {"name": " x"}, {"name": "x" * 10_000}, {"name": "a\u0000b"}, {"entityName": "../x"},
    {"entityName": "<script>"}, {"config": "not json"}, {"config": "[1]"}, {"config": '{"a":' * 100_000},
    {"summaryMetrics": "3"}, {"tags": [""]}, {"tags": ["x" * 65]}, {"state": "nonsense"}, {"tags": 3}, {"nonsense": 1},
    {"id": "not an id"}, {"id": "UnVuOjk5OTk5OTk="},
])
def test_bad_fields_of_a_run_are_refused(target, input):
    if "id" not in input:
        input = {"name": "never", **input}
    status, _, body = target.request("POST", "/graphql", {
        "query": "mutation M($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } } }",
        "variables": {"input": {"modelName": "bad", **input}}})
    assert status in (200, 400), body
    assert message(body)
    assert target.run("bad", "never", "id") is None


@pytest.mark.parametrize("arguments", [
    'filters: "not json"', 'filters: "[1]"', 'filters: "{\\"$bogus\\": 1}"', 'order: "+nonsense"', "first: -1",
    'filters: "{\\"name\\": {\\"$regex\\": \\"(\\"}}"', 'filters: "{\\"name\\": {\\"$regex\\": \\"(a+)+$\\"}}"',
    'filters: "' + '{\\"$and\\":[' * 2000 + '"', 'after: "garbage"', 'order: ""', "first: 2147483648",
])
def test_bad_filters_are_refused_or_answered(target, arguments):
    status, _, body = target.request("POST", "/graphql", {
        "query": f'{{ project(name: "bad") {{ runs({arguments}) {{ edges {{ node {{ name }} }} }} }} }}'})
    assert status in (200, 400), body
    answer = json.loads(body)
    assert answer.get("errors") or answer["data"]["project"]["runs"] is not None


# File stream

@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'{"files": 3}', b'{"files": {"wandb-history.jsonl": 3}}',
    b'{"files": {"wandb-history.jsonl": {"offset": -1, "content": ["{}"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 1e300, "content": ["{}"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 9223372036854775807, "content": ["{}"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 99999999999999999999, "content": ["{}"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": "1", "content": ["{}"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": [3]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": {"a": 1}}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": ["not json"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": ["[1]"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": ["{\\"_step\\": 5, \\"x\\": }"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": ["{\\"_step\\": 5} {}"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": ["{\\"_step\\": 5, \\"x\\": ' + b"[" * 5000 + b'"]}}}',
    b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": ["{\\"_step\\": 1, \\"x\\": ' + b'{\\"a\\":' * 5000
    + b'1' + b"}" * 5000 + b'}"]}}}',
    b'{"files": {"wandb-summary.json": {"offset": 0, "content": ["[1]"]}}}',
    b'{"files": {"wandb-summary.json": {"offset": 0, "content": ["{"]}}}',
    b'{"complete": "yes"}', b'{"exitcode": "0", "complete": true}', b'{"preempting": 1}',
    b'{"files": {"output.log": {"offset": 0, "content": ["\xff\xfe"]}}}', b"\xff" * 1000,
    b'{"a":' * 100_000,
])
def test_a_malformed_file_stream_body_is_refused_whole(target, body):
    refused(target.request("POST", STREAM, body), 400)
    assert target.run("bad", "run", "state historyLineCount") == {"state": "running", "historyLineCount": 1}


def test_a_refused_request_leaves_nothing_of_itself(target):
    refused(target.request("POST", STREAM, {"complete": True, "exitcode": 0, "files": {
        "wandb-history.jsonl": {"offset": 1, "content": ['{"_step":1,"x":2}', '{"_step":2,']},
        "output.log": {"offset": 1, "content": ["more"]}}}), 400)


@pytest.mark.parametrize("line", [
    '{"_step": 4611686018427387904000}', '{"_step": -5, "x": 1}', '{"_step": 1e308}', '{"_step": NaN}',
    '{"_step": "7"}', '{"_step": 9223372036854775807, "x": 1}', '{"_step": 3.5}', '{"_step": null}', '{"_step": [1]}',
    '{"_step": 9007199254740993, "x": 2}', '{"_step": 8, "": 1, "x": 1, "x": 2}', '{"_step": 0, "": {"": {"": 1}}}',
    '{"_step": 8, "k": "\\u0000\\ud83d\\ude00\\ud800"}', '{"_step": 9, "n": 1e999, "m": -0.0, "z": 1E+2}',
    '{"_timestamp": "text", "_step": 10}',
])
def test_odd_steps_and_values_are_stored_or_refused_but_harm_nothing(target, line):
    target.upsert("bad", "odd")
    status, _, body = target.request("POST", "/files/local/bad/odd/file_stream", {"files": {
        "wandb-history.jsonl": {"offset": 0, "content": [line]}}})
    assert status in (200, 400), body
    target.history("bad", "odd")
    target.run("bad", "odd", "historyKeys historyTail historyLineCount history(samples: 10)")
    target.run("bad", "odd", 'sampledHistory(specs: ["{\\"keys\\": [\\"x\\"], \\"samples\\": 10}"])')
    target.run("bad", "odd", 'bucketedHistory(specs: ["{\\"key\\": \\"x\\", \\"buckets\\": 10}"])')
    target.graphql("mutation M($input: DeleteRunInput!) { deleteRun(input: $input) { clientMutationId } }",
                   {"input": {"id": target.upsert("bad", "odd")["bucket"]["id"]}})


def test_lines_and_bodies_over_the_limits(target):
    line = json.dumps({"_step": 1, "x": "y" * (20 << 20)})
    refused(target.request("POST", STREAM, {"files": {"wandb-history.jsonl": {"offset": 1, "content": [line]}}}), 413)
    # The longest line that the protocol allows passes, in a body of the size that clients send.
    target.upsert("bad", "long")
    longest = json.dumps({"_step": 0, "x": "z" * (10_383_360 - 30)})
    target.stream("local", "bad", "long", {"files": {"wandb-history.jsonl": {"offset": 0, "content": [longest]}}})
    [row] = target.history("bad", "long")
    assert len(row["x"]) == 10_383_330
    # Beyond the limit of a body: refused when announced, without reading it.
    answer = raw(target, head(target, "POST", STREAM, "Content-Length: 10000000000"), until=b"}")
    assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
    answer = raw(target, head(target, "POST", "/graphql", "Content-Length: 999999999999"), until=b"}")
    assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
    # The same, unannounced.
    with socket.create_connection((target.host, target.port), timeout=10) as connection:
        connection.sendall(head(target, "POST", STREAM, "Transfer-Encoding: chunked"))
        block = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        try:
            for _ in range(40):
                connection.sendall(block)
            connection.sendall(b"0\r\n\r\n")
        except OSError:
            pass
        try:
            answer = connection.recv(65536)
        except OSError:
            answer = b""
        assert answer == b"" or answer.startswith(b"HTTP/1.1 413"), answer[:200]


def test_gzip_bombs_and_broken_gzip(target):
    fields = {"Content-Encoding": "gzip"}
    bomb = gzip.compress(b'{"files":' + b" " * (400 << 20) + b"{}}", 9)
    assert len(bomb) < 1 << 20
    refused(target.request("POST", STREAM, bomb, fields), 413)
    refused(target.request("POST", STREAM, b"not gzip at all", fields), 400)
    refused(target.request("POST", STREAM, b"", fields), 400)
    refused(target.request("POST", STREAM, gzip.compress(b'{"preempting": false}' * 100)[:40], fields), 400)
    refused(target.request("POST", STREAM, zlib.compress(b"{}"), fields), 400)
    refused(target.request("POST", STREAM, b"{}", {"Content-Encoding": "br"}), 415)
    status, _, _ = target.request("POST", STREAM, gzip.compress(b"{}"), fields)
    assert status == 200


def test_unknown_runs_and_methods(target):
    for path in ("/files/local/bad/nobody/file_stream", "/files/local/nothing/run/file_stream",
                 "/files/nobody/bad/run/file_stream"):
        refused(target.request("POST", path, {}), 404)
    for path in ("/files/local/bad/nobody/good.txt", "/files/local/bad/run/none.txt", "/files/local", "/files",
                 "/nonsense/path/here/and/there", "/storage", "/storage/run/1/x", "/artifactsV2/x"):
        status, _, body = target.request("GET", path)
        assert status in (403, 404), (path, status, body[:200])
        if path.startswith(("/files", "/storage", "/artifactsV2")):
            message(body)
    refused(target.request("GET", "/graphql"), 405)
    refused(target.request("DELETE", "/files/local/bad/run/good.txt"), 405)
    refused(target.request("PATCH", "/files/local/bad/run/file_stream", b"{}"), 405)
    status, _, _ = target.request("POST", "/sdk/otel/v1/metrics", b"", key=None)
    assert status == 404
    refused(target.request("POST", "/oidc/token", b"grant_type=x", key=None), 404)
    status, _, body = target.request("GET", "/files/local/bad/run/" + "x" * 40_000)
    assert status in (400, 404, 414, 431), status


def test_missing_and_wrong_keys(target):
    for key in (None, "", "0" * 40, "local-" + "0" * 40, target.key[:-1], target.key + "x", target.key.swapcase()):
        refused(target.request("POST", "/graphql", VIEWER, key=key), 401)
        refused(target.request("POST", STREAM, {}, key=key), 401)
        refused(target.request("GET", "/files/local/bad/run/good.txt", key=key), 401)
        status, _, body = target.request("GET", "/", key=key)
        assert status == 401 and b"bad" not in body
    for header in ("Basic", "Basic !!!", "Basic " + "A" * 100_00, "Basic OmE=", "Bearer", "Bearer x", "Digest a=b",
                   "basic " + "=" * 5, "Basic \u00fc", ""):
        refused(target.request("POST", "/graphql", VIEWER, {"Authorization": header}, key=None), 401)
    status, _, _ = target.request("POST", "/graphql", VIEWER, {"Authorization": f"Bearer {target.key}"}, key=None)
    assert status == 200


# Files

def signed(target, name, upload=False, run="run"):
    node = target.run("bad", run, "files(names: [$n]) { edges { node { directUrl url(upload: $u) } } }",
                      declare=", $n: String, $u: Boolean", variables={"n": name, "u": upload})
    node = node["files"]["edges"][0]["node"]
    return urllib.parse.urlsplit(node["url"] if upload else node["directUrl"])


def test_signed_urls_are_good_for_what_they_say_and_nothing_else(target):
    url = signed(target, "good.txt")
    target_path = f"{url.path}?{url.query}"
    assert target.request("GET", target_path, key=None)[2] == b"good"
    assert target.request("HEAD", target_path, key=None)[0] == 200
    put = signed(target, "good.txt", upload=True)
    for method, path, query in [
        ("PUT", url.path, url.query), ("GET", put.path, put.query), ("DELETE", url.path, url.query),
        ("GET", url.path.replace("good", "other"), url.query), ("GET", url.path + "x", url.query),
        ("GET", url.path, ""), ("GET", url.path, url.query.replace("expires=", "expires=9")),
        ("GET", url.path, url.query[:-1] + ("A" if url.query[-1] != "A" else "B")), ("GET", url.path, url.query[:-4]),
        ("GET", url.path.replace("/run/1/", "/run/2/"), url.query),
        ("GET", url.path, "expires=1&signature=" + "A" * 43),
        ("GET", url.path, "expires=-1&signature="), ("GET", url.path, "expires=99999999999999999999&signature=x"),
        ("GET", url.path.replace("good", "%67ood"), url.query), ("GET", "/storage/run/1/../1/good.txt", url.query),
        ("PUT", url.path, "expires=x&signature=%ff%00"),
    ]:
        status, _, body = target.request(method, f"{path}?{query}", b"evil" if method == "PUT" else None, key=None)
        assert status in (403, 405), (method, path, query, status)
        message(body)
    # Correctly made with a key that is not the server's.
    expires = int(time.time()) + 1000
    mine = hmac.new(b"", f"GET\n{url.path}\n{expires}".encode(), hashlib.sha256).digest()
    text = base64.urlsafe_b64encode(mine).decode().rstrip("=")
    refused(target.request("GET", f"{url.path}?expires={expires}&signature={text}", key=None), 403)


def test_expired_urls_are_refused(target):
    url = signed(target, "good.txt")
    [database] = [path for path in target.data.iterdir()
                  if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    [[secret]] = connection.execute("SELECT value FROM settings WHERE name = 'url-secret'").fetchall()
    connection.close()

    def sign(expires):
        digest = hmac.new(base64.b64decode(secret), f"GET\n{url.path}\n{expires}".encode(), hashlib.sha256).digest()
        text = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return target.request("GET", f"{url.path}?expires={expires}&signature={text}", key=None)

    now = int(time.time())
    assert sign(now + 100)[2] == b"good", "this test signs as the server does"
    assert "expired" in refused(sign(now - 100), 403)


ODD_NAMES = [
    "../escape", "a/../../escape", "..", ".", "a/./b", "a//b", "/absolute", "a/", "", "a\\..\\b", "nul\u0000byte",
    "new\nline", "x" * 5000, "a/" * 3000 + "b", "\u007f", "..\\..\\windows", "a/..", "./a",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_file_names_that_lead_elsewhere_are_refused(target, name):
    before = {str(path) for path in target.data.parent.rglob("*")}
    status, _, body = target.request("POST", "/graphql", {
        "query": 'mutation M($f: [String!]!) { createRunFiles(input: {projectName: "bad", runName: "run", files: $f})'
                 " { files { uploadUrl } } }", "variables": {"f": [name]}})
    assert status in (200, 400) and message(body)
    encodings = [urllib.parse.quote(name, safe=""), urllib.parse.quote(name, safe="/"),
                 urllib.parse.quote(urllib.parse.quote(name, safe=""), safe="").replace("%25252E", "%252E")]
    for encoded in encodings[:2]:
        status, _, body = target.request("PUT", "/files/local/bad/run/" + encoded, b"evil")
        assert status in (400, 404, 405, 414, 431), (encoded[:100], status, body[:200])
        status, _, body = target.request("GET", "/files/local/bad/run/" + encoded)
        assert status in (400, 404, 414, 431), (encoded[:100], status)
    grown = {str(path) for path in target.data.parent.rglob("*")} - before
    assert not [path for path in grown if "escape" in path or "windows" in path], grown
    assert not os.path.exists("/absolute") and not os.path.exists("/escape")


def test_dots_reach_no_file_of_the_server(target):
    names = sorted(path.name for path in target.data.iterdir())
    assert names, "the server's own files"
    for name in names + ["etc/passwd"]:
        for depth in range(1, 8):
            for dots in ("../", "%2e%2e/", "..%2f", "%2e%2e%2f", "%252e%252e%252f", "..%5c", "..;/", "....//", ".%00./",
                         "%c0%ae%c0%ae/", "%uff0e%uff0e/"):
                path = "/files/local/bad/run/" + dots * depth + name
                answer = raw(target, head(target, "GET", path))
                status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 400
                assert status in (400, 403, 404, 414), (path, answer[:300])
                assert b"root:" not in answer and b"SQLite format" not in answer and target.key.encode() not in answer


@pytest.mark.parametrize("name", [
    "q?x#y%.txt", "%2e%2e%2fescape", "%252e", "sp ace", "\u00fc\u4e2d\U0001f600", "a+b&c=d;e", "~tilde", "..hidden",
    "...", "-rf", "a:b", "*", "con.txt", "'quote\"", "<script>alert(1)</script>.html", "x" * 200, "very/" * 20 + "deep",
    "e\u0301", "\u00e9", "CASE", "case", "trailing ", " leading", "file_stream",
])
def test_odd_but_honest_names_come_back(target, name):
    target.upsert("bad", "names")
    data = name.encode() * 3
    [file] = target.graphql(
        'mutation M($f: [String!]!) { createRunFiles(input: {projectName: "bad", runName: "names", files: $f})'
        " { files { name uploadUrl } } }", {"f": [name]})["createRunFiles"]["files"]
    assert file["name"] == name
    put = urllib.parse.urlsplit(file["uploadUrl"])
    status, _, body = target.request("PUT", f"{put.path}?{put.query}", data, key=None)
    assert status == 200, body
    node = target.run("bad", "names", "files(names: [$n]) { edges { node { name directUrl url sizeBytes md5 } } }",
                      declare=", $n: String", variables={"n": name})["files"]["edges"][0]["node"]
    assert node["name"] == name and int(node["sizeBytes"]) == len(data)
    for link, key in ((node["directUrl"], None), (node["url"], ...)):
        url = urllib.parse.urlsplit(link)
        status, headers, body = target.request("GET", f"{url.path}?{url.query}".rstrip("?"), key=key)
        assert (status, body) == (200, data)
        assert headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in headers["Content-Security-Policy"]
    page = target.request("GET", "/local/bad/runs/names")[2].decode()
    assert "<script>alert" not in page


def test_uploads_that_lie_about_their_length_or_content(target):
    target.upsert("bad", "lies")
    path = "/files/local/bad/lies/file.bin"
    # Fewer bytes than announced, then gone.
    raw(target, head(target, "PUT", path, "Content-Length: 1000") + b"x" * 10, timeout=3, shut=True)
    # More bytes than announced: the rest is no request.
    answer = raw(target, head(target, "PUT", path, "Content-Length: 3") + b"abcGARBAGE\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    for lie in ("Content-Length: -5", "Content-Length: abc", "Content-Length: 5\r\nContent-Length: 6",
                "Content-Length: 99999999999999999999999", "Content-Length: 3\r\nTransfer-Encoding: chunked"):
        answer = raw(target, head(target, "PUT", path, lie) + b"abc", timeout=5, shut=True)
        assert not answer.startswith(b"HTTP/1.1 2"), (lie, answer[:200])
    status, _, body = target.request("PUT", path, b"data", {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})
    assert refused((status, None, body), 400)
    for header in ("bytes 0-3/2", "bytes 5-1/10", "bytes -1-3/10", "bytes 0-3/99999999999999999999", "nonsense",
                   "bytes 0-3", "bytes a-b/c"):
        refused(target.request("PUT", path, b"data", {"Content-Range": header}), 400)
    refused(target.request("PUT", path, b"datadata", {"Content-Range": "bytes 0-3/100"}), 400)
    node = target.run("bad", "lies", "files { edges { node { name sizeBytes } } }")
    assert [(edge["node"]["name"], int(edge["node"]["sizeBytes"])) for edge in node["files"]["edges"]] == [
        ("file.bin", 3)]
    assert target.request("GET", path)[2] == b"abc"


def test_an_upload_in_parts_goes_on_where_it_was_cut(target):
    target.upsert("bad", "parts")
    path = "/files/local/bad/parts/big.bin"
    data = random.Random(1).randbytes(300_000)
    status, headers, _ = target.request("PUT", path, data[:100_000], {"Content-Range": "bytes 0-99999/300000"})
    assert (status, headers["Range"]) == (308, "bytes=0-99999")
    status, headers, _ = target.request("PUT", path, b"", {"Content-Range": "bytes */300000"})
    assert (status, headers["Range"]) == (308, "bytes=0-99999")
    status, _, _ = target.request("PUT", path, data[50_000:200_000], {"Content-Range": "bytes 50000-199999/300000"})
    assert status == 308
    # A gap is not filled with nothing.
    status, headers, _ = target.request("PUT", path, data[250_000:], {"Content-Range": "bytes 250000-299999/300000"})
    assert (status, headers["Range"]) == (308, "bytes=0-199999")
    assert target.request("GET", path)[0] == 404
    status, _, _ = target.request("PUT", path, data[200_000:], {"Content-Range": "bytes 200000-299999/300000"})
    assert status == 200 and target.request("GET", path)[2] == data
    status, headers, body = target.request("GET", path, headers={"Range": "bytes=1000-1009"})
    assert (status, body, headers["Content-Range"]) == (206, data[1000:1010], "bytes 1000-1009/300000")
    for header in ("bytes=300000-", "bytes=400000-500000", "bytes=-0"):
        status, headers, _ = target.request("GET", path, headers={"Range": header})
        assert (status, headers["Content-Range"]) == (416, "bytes */300000")
    for header in ("bytes=5-2", "lines=1-2", "bytes=a-b", "bytes=", "bytes=0-1,5-6", "bytes=-" + "9" * 40):
        status, _, body = target.request("GET", path, headers={"Range": header})
        assert status in (200, 206, 416), (header, status)


# Transport

@pytest.mark.parametrize("data", [
    b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 100, b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100_000 + b"\r\n",
    b"GET /" + b"x" * 2_000_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"x" * 2_000_000 + b"\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://elsewhere/ HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n", b"CONNECT elsewhere:80 HTTP/1.1\r\n\r\n",
    b"GET /%zz%f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /\xff\xfe\xfd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
])
def test_what_is_not_http_is_refused_or_dropped(target, data):
    answer = raw(target, data, timeout=5, shut=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 5"), answer[:200]


def test_a_hostile_host_header_reaches_no_url(target):
    for host in ("evil.example/\"><script>", "a b", "x@y", "x" * 10_000):
        status, _, body = target.request("POST", "/graphql", {
            "query": '{ project(name: "bad") { run(name: "run") { files { edges { node { directUrl } } } } } }'},
            {"Host": host})
        if status == 200:
            assert "script" not in body.decode() and "x@y" not in body.decode()


def test_slow_bodies_hold_up_nobody(target):
    """Clients that announce large bodies and then send a byte now and then take no room from the others."""
    slow = []
    try:
        for _ in range(8):
            connection = socket.create_connection((target.host, target.port), timeout=30)
            connection.sendall(head(target, "POST", STREAM, "Content-Length: 30000000") + b'{"files"')
            slow.append(connection)
        target.upsert("bad", "quick")
        lines = [json.dumps({"_step": i, "text": "x" * 1000}) for i in range(5000)]
        started = time.monotonic()
        status, _, _ = target.request("POST", "/files/local/bad/quick/file_stream", {
            "files": {"wandb-history.jsonl": {"offset": 0, "content": lines}}}, timeout=20)
        assert status == 200 and time.monotonic() - started < 10
        for connection in slow:
            connection.sendall(b" ")
    finally:
        for connection in slow:
            connection.close()
    assert len(target.history("bad", "quick")) == 5000


def test_ten_thousand_idle_connections(target):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    number = 10_000 if soft == resource.RLIM_INFINITY else min(10_000, soft - 500)
    connections = []
    try:
        for n in range(number):
            connection = socket.socket()
            connection.settimeout(30)
            connections.append(connection)
            # One address has some 28,000 ports towards another; loopback has many addresses.
            connection.connect((target.host, target.port))
            if n % 3 == 1:
                connection.sendall(b"POST /graphql HTTP/1.1\r\nHost: x\r\n")
        for _ in range(5):
            started = time.monotonic()
            assert target.request("POST", "/graphql", VIEWER, timeout=30)[0] == 200
            assert time.monotonic() - started < 10
    finally:
        for connection in connections:
            connection.close()
    assert number >= 1000
    wait_for(lambda: target.request("POST", "/graphql", VIEWER)[0] == 200, "the server after the storm")


def test_random_bytes_in_valid_requests_never_end_the_server(target):
    """Mutations of good bodies: whatever comes of them, the status is a documented one."""
    seed = int(os.environ.get("QUIPU_SEED", "20261122"))
    print("seed", seed)
    random_ = random.Random(seed)
    target.upsert("bad", "fuzz")
    good = [
        ("/graphql", json.dumps({"query": 'query Q($n: String!) { project(name: $n) { runs(first: 2, filters: "{}") '
                                          "{ edges { node { name config history(samples: 3) } } } } }",
                                 "variables": {"n": "bad"}}).encode()),
        ("/files/local/bad/fuzz/file_stream", json.dumps({"files": {
            "wandb-history.jsonl": {"offset": 0, "content": [
                '{"_step":0,"x":1.5,"t":"a","n":{"m":NaN},"l":[1,"2"]}'] * 3},
            "wandb-events.jsonl": {"offset": 0, "content": ['{"_timestamp":1.5,"system.cpu":3}']},
            "wandb-summary.json": {"offset": 0, "content": ['{"x":1}']},
            "output.log": {"offset": 0, "content": ["ERROR 2026-01-01T00:00:00.000000 [a] b"]}}}).encode()),
    ]
    connection = http.client.HTTPConnection(target.host, target.port, timeout=30)
    for round_ in range(1500):
        path, body = random_.choice(good)
        body = bytearray(body)
        for _ in range(random_.randint(1, 4)):
            at = random_.randrange(len(body))
            kind = random_.randrange(4)
            if kind == 0:
                body[at] = random_.randrange(256)
            elif kind == 1:
                del body[at:at + random_.randint(1, 20)]
            elif kind == 2:
                body[at:at] = random_.choice([b"{", b"[", b'"', b"\\", b"-", b"1e999", b"NaN", b"null", b"\xff", b"}",
                                              b"\\u0000", b"99999999999999999999", b",", b":"]) * random_.randint(1, 3)
            else:
                other = random_.randrange(len(body))
                body[at:at] = body[other:other + random_.randint(1, 60)]
            if not body:
                break
        connection.request("POST", path, bytes(body), {"Authorization": basic(target.key)})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 400, 413), (seed, round_, answer.status, bytes(body)[:300], text[:300])
        json.loads(text)
    connection.close()
    target.history("bad", "fuzz")
    target.run("bad", "fuzz", "historyKeys eventsTail historyTail summaryMetrics events(samples: 5)")


def test_a_full_disk_is_passing_trouble(program, tmp_path):
    from conftest import Server

    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(mount)], capture_output=True,
                          text=True)
    if made.returncode != 0:
        pytest.skip(f"this user may not mount a small file system: {made.stderr.strip()}")
    server = None
    try:
        server = Server(mount / "data")
        server.upsert("full", "run")
        server.stream("local", "full", "run", {"files": {
            "wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0,"x":1}']}}})
        noise = random.Random(2)
        refusals = 0
        for step in range(1, 40):
            line = json.dumps({"_step": step, "x": 1, "noise": noise.randbytes(300_000).hex()})
            status, headers, body = server.request("POST", "/files/local/full/run/file_stream", {
                "files": {"wandb-history.jsonl": {"offset": step, "content": [line]}}})
            if status == 200:
                assert refusals == 0
                continue
            # 5xx is what clients try again (reference, 5.1).
            assert status in (503, 507) and headers["Retry-After"], (status, body)
            message(body)
            refusals += 1
            if refusals == 3:
                break
        assert refusals == 3, "the disk did not fill"
        stored = step - 3
        status, _, body = server.request("PUT", "/files/local/full/run/file.bin", noise.randbytes(4 << 20))
        assert status in (503, 507), (status, body)
        message(body)
        assert [row["_step"] for row in server.history("full", "run")] == list(range(stored + 1))
        # What was acknowledged is there after a crash on the full disk, too.
        server.kill()
        (mount / "data.log").unlink(missing_ok=True)
        subprocess.run(["mount", "-o", "remount,size=64m", str(mount)], check=True)
        server.start()
        assert [row["_step"] for row in server.history("full", "run")] == list(range(stored + 1))
        server.stream("local", "full", "run", {"files": {
            "wandb-history.jsonl": {"offset": stored + 1, "content": [f'{{"_step":{stored + 1},"x":1}}']}}})
        assert len(server.history("full", "run")) == stored + 2
    finally:
        if server:
            server.kill()
        subprocess.run(["umount", "-l", str(mount)])
