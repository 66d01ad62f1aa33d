"""Replays recorded traffic of the official client, request by request, and compares what our server answers.

    python replay_vectors.py DIRECTORY URL KEY [FILE...]     # by hand, against a running server

A line of a recording is an object with `method`, `path`, `request_headers`, `request` (a JSON value, or
`{"_text": ...}`, `{"_binary": {"size", "sha256"}}`, or null), `status`, `response`, `response_headers`, and `injected`
where the recorded answer was a fault put in. Ids and URLs that the recorded server gave out are replaced in later
requests by those that ours gave in the same place. Contents that a recording does not hold are made up, and the digests
of what is sent are put in the place of the recorded ones wherever they occur.

An answer must have the recorded status, and each key of the recorded answer that the query selects, with a value of
the same JSON type; texts that hold JSON objects or lists must still do so.
"""

import base64
import hashlib
import http.client
import json
import pathlib
import re
import sys
import urllib.parse

ORIGIN = "http://server:8080"
# What the two servers may name as they like.
NAMES = {"id", "runID", "uploadUrl", "directUrl", "url", "storagePath", "uploadID", "serverID", "endCursor", "cursor",
         "internalId", "projectId", "run_id", "versionIndex"}
# What may be null though the recorded server said something: its own inventions, and members of a file stream's answer
# that clients do not read (reference, 10.6).
OPTIONAL = {"description", "email", "organization", "coreWeaveOrganizationId", "photoUrl", "endCursor", "updatedAt",
            "exitcode"}
# What may be empty: a server without exported files may name no live steps (reference, 15.3).
SPARSE = {"features", "events", "liveData"}


# GraphQL, as far as selections need it

TOKEN = re.compile(r'"""(?:[^\\]|\\.)*?"""|"(?:[^"\\]|\\.)*"|\.\.\.|[_A-Za-z][_0-9A-Za-z]*|[^\s,]|(?=\Z)')


def selection(query):
    """{response key: selection or None} of the operation of a query, fragments spread."""
    tokens = TOKEN.findall(re.sub(r"#[^\n]*", "", query))
    fragments, operations = {}, []
    at = 0

    def skip_arguments():
        nonlocal at
        while tokens[at] in ("(", "@"):
            if tokens[at] == "@":
                at += 2
                continue
            depth = 0
            while True:
                depth += {"(": 1, ")": -1}.get(tokens[at], 0)
                at += 1
                if depth == 0:
                    break

    def fields():
        nonlocal at
        at += 1  # {
        out = []
        while tokens[at] != "}":
            if tokens[at] == "...":
                at += 1
                if tokens[at] == "on":
                    at += 2
                    skip_arguments()
                    out.append(("...", fields()))
                elif tokens[at] in ("@", "{"):
                    skip_arguments()
                    out.append(("...", fields()))
                else:
                    out.append(("...", tokens[at]))
                    at += 1
                    skip_arguments()
                continue
            name = tokens[at]
            at += 1
            if tokens[at] == ":":
                at += 2
            skip_arguments()
            out.append((name, fields() if tokens[at] == "{" else None))
        at += 1  # }
        return out

    while at < len(tokens) and tokens[at]:
        if tokens[at] == "fragment":
            name = tokens[at + 1]
            at += 4
            skip_arguments()
            fragments[name] = fields()
        else:
            while tokens[at] != "{":
                if tokens[at] == "(":
                    skip_arguments()
                else:
                    at += 1
            operations.append(fields())

    def merged(selected, into):
        for name, inner in selected:
            if name == "...":
                merged(fragments[inner] if isinstance(inner, str) else inner, into)
            elif inner is None:
                into.setdefault(name, None)
            else:
                into[name] = merged(inner, into.get(name) or {})
        return into

    return merged(operations[0], {}) if operations else {}


# Comparison

def kind(value):
    if isinstance(value, bool):
        return "boolean"
    kinds = {str: "string", int: "number", float: "number", dict: "object", list: "list", type(None): "null"}
    return kinds[type(value)]


def parsed(text):
    if isinstance(text, str) and text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return None


def differences(recorded, ours, selected=None, path=""):
    """What `ours` lacks of the shape of `recorded`; `selected` None means that all of it counts."""
    name = path.rsplit(".", 1)[-1]
    if recorded is None:
        return
    if ours is None:
        if name not in OPTIONAL:
            yield f"{path}: null instead of {json.dumps(recorded)[:80]}"
        return
    # Sizes may be texts or numbers (reference, 15.4); ids of the first recordings are numbers.
    if kind(recorded) != kind(ours):
        if not (name in ("sizeBytes", "id") and {kind(recorded), kind(ours)} == {"number", "string"}):
            yield (f"{path}: {kind(ours)} {json.dumps(ours)[:80]} instead of {kind(recorded)} "
                   f"{json.dumps(recorded)[:80]}")
        return
    if isinstance(recorded, dict):
        for key, value in recorded.items():
            if selected is not None and key not in selected:
                continue
            if key not in ours:
                yield f"{path}.{key}: missing"
                continue
            yield from differences(value, ours[key], selected[key] if selected is not None else None, f"{path}.{key}")
    elif isinstance(recorded, list):
        # Rows, lines and features differ from server to server; what a list is made of does not.
        if recorded and not ours and name not in SPARSE:
            yield f"{path}: empty instead of {len(recorded)} elements"
        for index, (one, other) in enumerate(zip(recorded, ours)):
            yield from differences(one, other, selected, f"{path}[{index}]")
    elif isinstance(recorded, str):
        inner = parsed(recorded)
        if inner is not None and kind(parsed(ours)) != kind(inner):
            yield f"{path}: {ours[:80]!r} does not hold JSON like {recorded[:80]!r}"


# Replay

def content(request):
    """The bytes of a recorded body."""
    if request is None:
        return b""
    if isinstance(request, dict) and set(request) == {"_text"}:
        return request["_text"].encode()
    if isinstance(request, dict) and set(request) == {"_binary"}:
        size = request["_binary"]["size"]
        for guess in (bytes(size), bytes(range(256)) * (size // 256) if size % 256 == 0 else b""):
            if size <= 1 << 28 and hashlib.sha256(guess).hexdigest() == request["_binary"]["sha256"]:
                return guess
        return (request["_binary"]["sha256"].encode() * (size // 64 + 1))[:size]
    return json.dumps(request).encode()


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def manifest_digest(manifest):
    entries = "".join(f"{path}:{entry['digest']}\n" for path, entry in sorted(
        manifest["contents"].items(), key=lambda item: item[0].encode()))
    return hashlib.md5(("wandb-artifact-manifest-v1\n" + entries).encode()).hexdigest()


class Replay:
    """The replay of some files on one server: `problems` lists what differed."""

    def __init__(self, url, key):
        self.url = url.rstrip("/")
        self.authorization = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
        self.given = {}
        self.runs = {}
        self.manifests = {}
        self.problems = []
        self.count = 0

    def file(self, path):
        lines = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
        self.learn_contents(lines)
        for line in lines:
            fault = line.get("injected")
            if fault == "status" or (fault and "not processed" in fault):
                continue  # the recorded server never saw it
            try:
                self.line(pathlib.Path(path).name, line)
            except Exception as error:
                self.problem(path, line, f"{type(error).__name__}: {error}")

    def problem(self, path, line, text):
        request = line["request"]
        what = line["path"].split("?")[0]
        if isinstance(request, dict) and "query" in request:
            what = " ".join(request["query"].split())[:60]
        self.problems.append(f"{pathlib.Path(path).name}:{line['seq']} {line['method']} {what}: {text}")

    def learn_contents(self, lines):
        """Puts the digests of the contents that will be sent in the place of the recorded ones."""
        manifests = []
        for line in lines:
            expected = line["request_headers"].get("Content-Md5")
            if line["method"] != "PUT" or not expected:
                continue
            request = line["request"]
            if isinstance(request, dict) and "contents" in request and "storagePolicy" in request:
                manifests.append((expected, request))
            else:
                self.learn_content(expected, content(request))
        for expected, manifest in manifests:
            changed = self.translated(manifest)
            self.give(manifest_digest(manifest), manifest_digest(changed))
            self.manifests[expected] = manifest

    def learn_content(self, recorded, data):
        self.give(recorded, md5(data))
        self.give(base64.b64decode(recorded).hex(), hashlib.md5(data).hexdigest())

    def give(self, recorded, ours):
        if recorded != ours:
            self.given[recorded] = ours

    # Requests

    def translated(self, value, name=""):
        if isinstance(value, dict):
            return {key: self.translated(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.translated(inner, name) for inner in value]
        if isinstance(value, int) and not isinstance(value, bool) and name == "projectId":
            return int(self.given.get(str(value), value))
        if not isinstance(value, str):
            return value
        if value in self.given:
            return self.given[value]
        inner = parsed(value)
        if inner is not None and name not in ("content", "config", "summaryMetrics"):
            return json.dumps(self.translated(inner))
        return value

    def target(self, line):
        """The path of the request, with the names that our server gave."""
        path = line["path"]
        for recorded in (ORIGIN + path, path):
            if recorded in self.given:
                url = urllib.parse.urlsplit(self.given[recorded])
                return url.path + ("?" + url.query if url.query else "")
        # Runs that a sweep handed out have ids of the server's own.
        return "/".join(self.runs.get(part, part) for part in path.split("/"))

    def line(self, name, line):
        self.count += 1
        path = self.target(line)
        headers = {key: value for key, value in line["request_headers"].items() if key not in (
            "Host", "Content-Length", "Authorization", "Accept-Encoding", "Connection", "Referer", "Content-Md5",
            "Content-Encoding")}
        if "Authorization" in line["request_headers"] or (line["method"] == "GET" and "signature=" not in path):
            headers["Authorization"] = self.authorization
        if line["path"] == "/graphql":
            request = dict(line["request"])
            if "variables" in request:
                manifest = self.manifests.get((request["variables"] or {}).get("digest"))
                if manifest:
                    # Ids in it are known only now, when it is announced.
                    self.learn_content(request["variables"]["digest"], json.dumps(self.translated(manifest)).encode())
                request["variables"] = self.translated(request["variables"])
            body = json.dumps(request).encode()
        else:
            if line["path"].startswith("/storage/artifact") and isinstance(line["request"], dict) and \
                    "contents" in line["request"]:
                body = json.dumps(self.translated(line["request"])).encode()
            else:
                body = content(line["request"])
            if "Content-Md5" in line["request_headers"]:
                headers["Content-MD5"] = md5(body)
        url = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        try:
            connection.request(line["method"], path, body if line["method"] != "GET" else None, headers)
            answer = connection.getresponse()
            status, data = answer.status, answer.read()
            etag = answer.headers.get("ETag")
        finally:
            connection.close()
        try:
            ours = json.loads(data)
        except ValueError:
            ours = None
        self.compare(name, line, status, ours, data, path, etag)

    # Answers

    def compare(self, name, line, status, ours, data, path, etag):
        recorded, expected = line["response"], line["status"]
        errors = ours.get("errors") if isinstance(ours, dict) else None
        if expected is None:
            return
        location = (line.get("response_headers") or {}).get("Location")
        if location:
            # A redirect leads to the bytes; so does a direct answer.
            self.give(location, f"{self.url}{path}")
            if status not in (200, 302):
                self.problem(name, line, f"status {status} instead of {expected}")
            return
        # Refusals of the independent server of the first recordings are no reference.
        if expected >= 400 and not line.get("synthetic") and line["path"] == "/graphql":
            expected = 200
        if status // 100 != expected // 100 or (status != expected and expected >= 400):
            self.problem(name, line, f"status {status} instead of {expected}: {data[:200]!r}")
            return
        old = (line.get("response_headers") or {}).get("Etag") or (line.get("response_headers") or {}).get("ETag")
        if old and etag:
            self.give(old, etag)
        if line["method"] == "PUT" or line["status"] >= 400:
            return
        if line["path"] == "/graphql":
            if errors and not recorded.get("errors"):
                self.problem(name, line, f"error: {errors[0].get('message')}")
                return
            chosen = selection(line["request"]["query"])
            for text in differences(recorded.get("data"), ours.get("data"), chosen, ""):
                self.problem(name, line, text)
            self.learn(recorded.get("data"), ours.get("data"))
        elif line["path"].endswith("/file_stream"):
            for text in differences(recorded, ours, None, ""):
                self.problem(name, line, text)
        elif line["method"] == "GET" and isinstance(recorded, dict) and "_text" in recorded:
            if data != recorded["_text"].encode():
                self.problem(name, line, f"other bytes: {data[:80]!r}")

    def learn(self, recorded, ours, parent=""):
        """Notes under which names our server knows what the recorded one named."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for key, value in recorded.items():
                other = ours.get(key)
                if isinstance(value, (dict, list)):
                    self.learn(value, other, key)
                elif isinstance(value, str) and isinstance(other, str):
                    # The first recordings have entities whose id is their name.
                    if key == "id" and value in (recorded.get("name"), "default"):
                        continue
                    if key in NAMES or (key == "name" and (parent in ("sweep", "agent") or "totalRuns" in recorded)):
                        self.give(value, other)
                        if key == "run_id":
                            self.runs[value] = other
                    elif key == "commands":
                        self.learn(parsed(value), parsed(other), key)
        elif isinstance(recorded, list) and isinstance(ours, list):
            # By their name where they have one, else by their place.
            def by_name(nodes):
                named = {}
                for node in nodes:
                    inner = node.get("node", node) if isinstance(node, dict) else {}
                    name = inner.get("name") or inner.get("displayName") if isinstance(inner, dict) else None
                    if not isinstance(name, str) or name in named:
                        return None
                    named[name] = node
                return named

            mine, theirs = by_name(ours), by_name(recorded)
            if mine is not None and theirs is not None and parent not in ("sweeps",) and set(mine) & set(theirs):
                for name, node in theirs.items():
                    self.learn(node, mine.get(name), parent)
            else:
                for one, other in zip(recorded, ours):
                    self.learn(one, other, parent)


def chains(directory):
    """Files that build on each other, in their order: those of one scenario (`d4_...`, `e2_...`, all of `k`)."""
    groups = {}
    for path in sorted(pathlib.Path(directory).glob("*.jsonl")):
        name = path.stem
        group = name[0] if name[0] == "k" else name.split("_")[0] if name.startswith(("d4", "e2")) else name
        groups.setdefault(group, []).append(path)
    return groups


if __name__ == "__main__":
    directory, url, key, *names = sys.argv[1:]
    replay = Replay(url, key)
    for path in [pathlib.Path(directory) / name for name in names] or sorted(pathlib.Path(directory).glob("*.jsonl")):
        replay.file(path)
    print("\n".join(replay.problems))
    print(f"{replay.count} requests, {len(replay.problems)} differences")
    sys.exit(1 if replay.problems else 0)
