"""Our requests beside those that the official client sent for the same programs (QUIPU_HTTP_VECTORS, whose README holds
the programs): the same operations, variables, members and file names, and no field that a real server's schema has not
been seen to accept."""

import collections
import json
import os
import pathlib
import re

import pytest
from conftest import run_directory, wait_for
from faults import PUT, STREAM, kind_of
from fields import Query, shape
from server_fixtures import Server, _ended

VECTORS = os.environ.get("QUIPU_HTTP_VECTORS")
pytestmark = pytest.mark.skipif(not VECTORS, reason="QUIPU_HTTP_VECTORS names no directory of recorded traffic")

# Recording: programs of the README, in the order in which they ran.
COMPARED = {
    "a_online": ["a_online.py"],
    "b_media_full": ["b_media.py"],
    "c_resume": ["c1_resume_allow.py", "c2_resume_must.py", "c3_resume_errors.py"],
    "c_fork_rewind": ["c4_fork_rewind.py"],
    "d1_exception": ["d1_exit.py"],
    "d2_exit_code": ["d2_exit_code.py"],
    "e_sync": ["e_offline.py"],
    "h_alert": ["h_alert.py"],
    "j2_stop_requested": ["j2_stop.py"],
    "j3_preempting": ["j3_preempting.py"],
    "l2_shared_mode": ["l2_shared.py"],
}
# The comparisons of a scenario share one process, which runs it once.
SCENARIOS = [pytest.param(name, marks=pytest.mark.xdist_group(f"traffic {name}")) for name in COMPARED]
NOT_COMPARED = {
    "b_media": "the same as b_media_full with fewer answers",
    "d3_sigkill": "ends before anything of note", "d4_sigkill": "as d3",
    "d4_sync_after_sigkill": "sends again what the server has; Quipu does not",
    "e2_sync_first": "the same as e_sync", "e2_sync_again": "sends again what the server has; Quipu does not",
    "f2_registry": "registries are not part of a run's upload",
    "f3_multipart": "2 GiB; parts are tested beside the code",
    "f4_xxh128": "digests are MD5", "f_artifact": "reads artifacts back, which is the public API",
    "g_sweep_cli": "sweeps", "g_sweep_python": "sweeps",
    "i1_init_faults": "faults: test_faults.py", "i2_stream_faults": "faults: test_faults.py",
    "i3_file_faults": "faults: test_faults.py", "i4_fatal_stream": "faults: test_faults.py",
    "i5_init_200_errors": "faults: test_start.py", "i5_init_400": "faults: test_start.py",
    "i5_init_401": "faults: test_start.py", "i5_init_403": "faults: test_start.py",
    "i5_init_404": "faults: test_start.py",
    "j1_heartbeat": "takes 90 s; test_life.py has it short",
    "k1_make_runs": "the public API", "k2_public_api_read": "the public API", "k3_public_api_write": "the public API",
    "k4_public_api_sweeps": "the public API", "l1_features_on": "features that no server here has",
    "l3_login": "login: tested with the command", "l4_identity_token": "the server here takes no identity tokens",
}
# Asked at another time or not at all without anybody being worse off.
ANY_TIME = {"Viewer", "ServerFeaturesQuery"}
STREAM_FILES = {"wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log"}


def recorded(name):
    lines = [json.loads(line) for line in (pathlib.Path(VECTORS) / f"{name}.jsonl").read_text().splitlines()]
    for line in lines:
        line["kind"] = kind_of(line["method"], line["path"], json.dumps(line["request"]).encode())
    return [line for line in lines if line["kind"] != "telemetry"]


@pytest.fixture(scope="session")
def known():
    """operation -> what all recordings together show of it: fields, arguments, declared variables, shapes of values."""
    found = collections.defaultdict(lambda: {"fields": set(), "arguments": set(), "types": {}, "shapes": {}})
    for path in sorted(pathlib.Path(VECTORS).glob("*.jsonl")):
        for line in recorded(path.stem):
            if not (isinstance(line["request"], dict) and "query" in line["request"]):
                continue
            query, about = Query(line["request"]["query"]), found[line["kind"]]
            about["fields"] |= query.fields
            about["arguments"] |= query.arguments
            about["types"].update(query.variables)
            for name, value in (line["request"].get("variables") or {}).items():
                about["shapes"].setdefault(name, []).append(shape(value))
    return found


@pytest.fixture(scope="session")
def programs():
    text = (pathlib.Path(VECTORS) / "README.md").read_text()
    return dict(re.findall(r"^`(\w+\.py)`\n\n```python\n(.*?)^```", text, flags=re.M | re.S))


@pytest.fixture(scope="session")
def fresh_server(program, tmp_path_factory):
    """The recordings' run ids occur several times: a server a scenario."""
    servers = []

    def start():
        servers.append(Server(tmp_path_factory.mktemp("traffic") / "data"))
        return servers[-1]

    yield start
    for each in servers:
        _ended(each)


@pytest.fixture(scope="session")
def traffic(request):
    """Filled by `ours`: each scenario runs once for all comparisons."""
    return {}


@pytest.fixture
def ours(traffic, programs, quipu, proxy, fresh_server, tmp_path):
    """The requests of our client in a scenario."""

    def run(name):
        if name not in traffic:
            server = fresh_server()
            between = proxy(server=server)
            directory = tmp_path / "scenario"
            directory.mkdir()
            for program in COMPARED[name]:
                env = {"WANDB_MODE": "offline"} if name == "e_sync" else {}
                code = adapted(programs[program])
                # A program may save itself.
                (directory / program).write_text(programs[program])
                if name == "j2_stop_requested":
                    process = quipu.start(code, env=env, server=between, fast=False, directory=directory)
                    wait_for(lambda: server.run("demo", "jjjj0002", "historyLineCount"), "the run")
                    server.api().run("local/demo/jjjj0002").stop()
                    process.wait(60)
                    continue
                outcome = quipu(code, env=env, server=between, fast=False, directory=directory, check=False)
                assert "Traceback" not in outcome.stderr or name == "d1_exception", outcome.stderr
            if name == "e_sync":
                quipu.sync(run_directory(outcome), server=between, directory=directory, fast=False)
            traffic[name] = between.of()
        return traffic[name]

    return run


def adapted(code):
    """Without the few lines for which Quipu has no counterpart (HTML, and plots from tables)."""
    return "\n".join(line for line in code.splitlines() if "wandb.plot" not in line)


def test_every_recording_is_compared_or_has_a_reason():
    there = {path.stem for path in pathlib.Path(VECTORS).glob("*.jsonl")}
    assert there == set(COMPARED) | set(NOT_COMPARED)


@pytest.mark.parametrize("name", SCENARIOS)
def test_only_operations_of_the_official_client(ours, name):
    theirs = {line["kind"] for line in recorded(name)}
    mine = {request.kind for request in ours(name)}
    assert mine - ANY_TIME <= theirs, f"not sent by the official client: {mine - theirs}"
    missing = theirs - mine - ANY_TIME - {"OrganizationCoreWeaveOrganizationID", "ArtifactType", "ArtifactByID"}
    assert not missing, f"only the official client: {missing}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_queries_use_known_fields_and_variables_only(ours, known, name):
    problems = []
    for request in ours(name):
        if request.path.split("?")[0] != "/graphql":
            continue
        body, about = request.json, known[request.kind]
        query = Query(body["query"])
        assert set(body) <= {"query", "variables", "operationName"}
        assert body.get("operationName") in ("", query.operation)
        problems += [f"{request.kind}: field {path}" for path in query.fields - about["fields"]]
        problems += [f"{request.kind}: argument {path}" for path in query.arguments - about["arguments"]]
        for variable, declared in query.variables.items():
            if about["types"].get(variable) != declared:
                problems.append(f"{request.kind}: ${variable}: {declared}, not {about['types'].get(variable)}")
        for variable, value in (body.get("variables") or {}).items():
            seen = about["shapes"].get(variable)
            if seen is None:
                problems.append(f"{request.kind}: variable {variable}")
            elif not any(fits(shape(value), one) for one in seen):
                problems.append(f"{request.kind}: {variable} is {shape(value)}, not one of {seen[:3]}")
    assert not problems, "\n".join(sorted(set(problems)))


def fits(found, seen):
    """A value's shape is one that was seen; objects may lack members, and null is what was left out."""
    if found == "null" or found == seen:
        return True
    if isinstance(found, dict) and isinstance(seen, dict):
        return all(key in seen and fits(inner, seen[key]) for key, inner in found.items())
    if isinstance(found, list) and isinstance(seen, list):
        return all(any(fits(inner, other) for other in seen) for inner in found)
    return False


@pytest.mark.parametrize("name", SCENARIOS)
def test_first_upsert_says_the_same(ours, name):
    """Who the run is: every variable of the official client's first UpsertBucket that the program decided."""
    theirs = [line["request"]["variables"] for line in recorded(name) if line["kind"] == "UpsertBucket"]
    mine = [request.json["variables"] for request in ours(name) if request.kind == "UpsertBucket"]
    decided = ["name", "project", "displayName", "notes", "tags", "groupName", "jobType", "sweep", "state"]
    def facts(all_):
        found = {}
        for variables in all_:
            for key in decided:
                if variables.get(key):
                    found.setdefault((variables["name"], key), variables[key])
        return found
    expected = facts(theirs)
    found = facts(mine)
    for key, value in expected.items():
        assert found.get(key) == value or key[1] == "displayName" and key not in found, key
    configs = [{}, {}]
    for which, all_ in enumerate((mine, theirs)):
        for variables in all_:
            if variables.get("config"):
                configs[which][variables["name"]] = json.loads(variables["config"])
    for run, config in configs[1].items():
        own = {key: value for key, value in config.items() if key != "_wandb"}
        assert {key: value for key, value in configs[0][run].items() if key != "_wandb"} == own
        internal, other = configs[0][run]["_wandb"]["value"], config["_wandb"]["value"]
        # The environment comes with a second request, which a short run of the official client does not send.
        assert set(internal) - {"e"} <= set(other), set(internal) - set(other)
        assert definitions(internal) == definitions(other) and "t" in internal


def definitions(internal):
    """The metric definitions, in no order: the step metric by its name instead of its place."""
    all_ = internal.get("m") or []
    named = [{**one, "6": sorted(one.get("6", []))} for one in all_]
    named = [{**one, "5": all_[one["5"] - 1].get("1")} if "5" in one else one for one in named]
    return sorted(json.dumps(one, sort_keys=True) for one in named)


def streams(requests):
    return [request.json for request in requests if request.kind == STREAM]


@pytest.mark.parametrize("name", SCENARIOS)
def test_file_stream_has_the_same_members_and_rows(ours, name):
    theirs = [line["request"] for line in recorded(name) if line["kind"] == STREAM]
    mine = streams(ours(name))
    members = lambda bodies: {key for body in bodies for key in body}  # noqa: E731
    assert members(mine) <= {"files", "uploaded", "complete", "exitcode", "preempting"}
    words = {"complete", "exitcode", "preempting"}
    assert words & members(mine) == words & members(theirs)
    assert [body["exitcode"] for body in mine if "exitcode" in body] == [
        body["exitcode"] for body in theirs if "exitcode" in body]
    for body in mine:
        for file, block in body.get("files", {}).items():
            assert file in STREAM_FILES and set(block) == {"offset", "content"}
            assert isinstance(block["offset"], int) and all(isinstance(line, str) for line in block["content"])
    if name == "j2_stop_requested":
        return
    # A label on the rows of a shared run is ours: the official client's rows do not say who wrote them.
    keys = lambda bodies: sorted(collections.Counter(  # noqa: E731
        tuple(sorted(set(json.loads(line)) - {"_label"})) for body in bodies
        for line in body.get("files", {}).get("wandb-history.jsonl", {}).get("content", [])).items())
    assert without_plots(keys(mine)) == without_plots(keys(theirs))
    text = lambda bodies: re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+", "T", "\n".join(  # noqa: E731
        line for body in bodies for line in body.get("files", {}).get("output.log", {}).get("content", [])
        if "wandb:" not in line and "Traceback" not in line and "File " not in line))
    if name in ("a_online", "h_alert", "j3_preempting", "l2_shared_mode", "e_sync"):
        assert text(mine) == text(theirs)


def without_plots(counted):
    return [(keys, count) for keys, count in counted if not {"plot", "plot_table", "html"} & set(keys)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_summaries_have_the_same_keys(ours, name):
    def last(bodies):
        found = [json.loads(body["files"]["wandb-summary.json"]["content"][-1]) for body in bodies
                 if "wandb-summary.json" in body.get("files", {})]
        if not found:
            return None
        return shape({key: value for key, value in found[-1].items() if "plot" not in key and key != "html"})

    theirs = last([line["request"] for line in recorded(name) if line["kind"] == STREAM])
    assert last(streams(ours(name))) == theirs


def file_names(bodies):
    names = {file for body in bodies for file in body["files"]}
    return {re.sub(r"_[0-9a-f]{16,}", "_DIGEST", file) for file in names if "plot" not in file and "html" not in file}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_files_are_uploaded(ours, name):
    theirs = file_names([line["request"]["variables"] for line in recorded(name) if line["kind"] == "CreateRunFiles"])
    mine = file_names([request.json["variables"] for request in ours(name) if request.kind == "CreateRunFiles"])
    # Facts about an environment with packages, a git checkout, or code that is saved.
    optional = {"requirements.txt", "diff.patch"} | {file for file in theirs | mine if file.startswith("code/")}
    assert mine - optional == theirs - optional


@pytest.mark.parametrize("name", SCENARIOS)
def test_headers_are_known_and_storage_gets_no_credentials(ours, name):
    theirs = collections.defaultdict(set)
    for path in pathlib.Path(VECTORS).glob("*.jsonl"):
        for line in recorded(path.stem):
            kind = line["kind"] if line["kind"] in (STREAM, PUT) else "graphql"
            theirs[kind] |= {header.lower() for header in line["request_headers"]}
    for request in ours(name):
        kind = request.kind if request.kind in (STREAM, PUT) else "graphql"
        headers = {header.lower() for header, _ in request.headers}
        assert headers - {"accept"} <= theirs[kind], (kind, headers - theirs[kind])
        assert ("authorization" in headers) == (kind != PUT)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_order_is_that_of_the_protocol(ours, name):
    """A run exists before anything is written to it; its files are there before its end; nothing follows the end."""
    introduced, ended = set(), {}
    for request in ours(name):
        if request.kind == "UpsertBucket":
            introduced.add(request.json["variables"]["name"])
        if request.kind == STREAM:
            run = request.path.split("/")[-2]
            assert run in introduced
            body = request.json
            if body.get("complete"):
                ended[run] = True
            elif run in ended:
                # Another life of the same run has introduced itself again.
                del ended[run]
        if request.kind == PUT:
            assert not any(f"/{run}/" in request.path for run in ended), request.path
