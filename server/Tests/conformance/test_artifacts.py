"""Artifacts: made, used, changed, linked, downloaded and deleted by the official client."""

import base64
import hashlib
import json
import pathlib

import pytest


@pytest.fixture(autouse=True)
def own_directory(tmp_path, monkeypatch):
    """Where the client of this process puts what it downloads."""
    monkeypatch.chdir(tmp_path)


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def digest(contents):
    """The digest of a manifest. Source: protocol reference, 12.3."""
    lines = "".join(f"{path}:{contents[path]}\n" for path in sorted(contents, key=str.encode))
    return hashlib.md5(("wandb-artifact-manifest-v1\n" + lines).encode()).hexdigest()


def tree(directory):
    root = pathlib.Path(directory)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def stored_bytes(server):
    return sum(path.stat().st_size for path in (server.data / "objects" / "blobs").rglob("*") if path.is_file())


MAKE = """
import json, os, pathlib
import wandb
def make(name, files, project, run_id, type="dataset", aliases=None, **more):
    run = wandb.init(project=project, id=run_id)
    artifact = wandb.Artifact(name, type=type, **more)
    for path, data in files.items():
        with artifact.new_file(path, mode="wb") as f:
            f.write(data)
    run.log_artifact(artifact, aliases=aliases)
    artifact.wait()
    run.finish()
    return artifact
"""


# The way of an artifact

def test_every_kind_of_entry_comes_back_byte_for_byte(server, run_client):
    outcome = run_client("""
import json, os, pathlib
import wandb
run = wandb.init(project="art-kinds", id="maker")
os.makedirs("in/deep/er")
pathlib.Path("in/a.txt").write_text("alpha\\n")
pathlib.Path("in/deep/b.bin").write_bytes(bytes(range(256)) * 4000)
pathlib.Path("in/deep/er/empty.dat").write_bytes(b"")
pathlib.Path("in/ü n%#?&+.txt").write_text("odd name")
pathlib.Path("elsewhere.csv").write_text("x,y\\n1,2\\n")
artifact = wandb.Artifact("data-set", type="dataset", description="first",
                          metadata={"rows": 3, "nested": {"k": [1, 2]}})
artifact.add_dir("in", name="dir")
artifact.add_file("in/a.txt", name="again/same bytes.txt")
with artifact.new_file("notes.txt") as f:
    f.write("written in place\\n")
artifact.add(wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, None]]), "tbl")
artifact.add_reference("file://" + os.path.abspath("elsewhere.csv"), name="ref.csv")
run.log_artifact(artifact, aliases=["prod", "best"], tags=["tag one"])
artifact.wait()
run.finish()
print(json.dumps([artifact.id, artifact.version, artifact.digest, artifact.aliases, artifact.size,
                  artifact.file_count]))
""")
    id, version, digest_of_it, aliases, size, count = outcome.json
    assert base64.b64decode(id, validate=True).decode().startswith("Artifact:")
    assert version == "v0" and set(aliases) == {"prod", "best", "latest"}

    artifact = server.api().artifact("local/art-kinds/data-set:v0")
    assert (artifact.id, artifact.digest, artifact.state) == (id, digest_of_it, "COMMITTED")
    assert artifact.metadata == {"rows": 3, "nested": {"k": [1, 2]}} and artifact.description == "first"
    assert artifact.tags == ["tag one"] and artifact.type == "dataset"
    assert digest({path: entry.digest for path, entry in artifact.manifest.entries.items()}) == digest_of_it
    assert (artifact.size, artifact.file_count) == (size, count)
    assert count == len(artifact.manifest.entries) == 8

    down = tree(artifact.download(root=str(outcome.directory / "down")))
    sent = tree(outcome.directory / "in")
    expected = {"dir/" + path: data for path, data in sent.items()}
    expected["again/same bytes.txt"] = sent["a.txt"]
    expected["notes.txt"] = b"written in place\n"
    expected["ref.csv"] = (outcome.directory / "elsewhere.csv").read_bytes()
    table = down.pop("tbl.table.json")
    assert down == expected
    assert json.loads(table)["data"] == [[1, "x"], [2, None]]
    assert artifact.get("tbl").data == [[1, "x"], [2, None]]
    assert size == sum(map(len, down.values())) + len(table)
    artifact.verify(root=str(outcome.directory / "down"))

    listed = {file.name: file for file in artifact.files(per_page=2)}
    assert set(listed) == set(expected) | {"tbl.table.json"}
    assert listed["ref.csv"].size == len(expected["ref.csv"])
    assert len(artifact.files()) == len(listed)
    one = listed["dir/deep/b.bin"]
    assert (one.size, one.md5, one.digest) == (1024000, md5(sent["deep/b.bin"]), md5(sent["deep/b.bin"]))
    assert [file.name for file in artifact.files(names=["notes.txt", "none"])] == ["notes.txt"]


def test_versions_move_aliases_and_keep_bytes_once(start_server, run_client):
    server = start_server()
    big = "bytes(range(256)) * 8000"
    outcome = run_client(MAKE + f"""
big = {big}
first = make("d", {{"big": big, "small": b"1"}}, "p", "r0", aliases=["best"])
second = make("d", {{"big": big, "small": b"2", "copy": big}}, "p", "r1", aliases=["best"])
other = make("e", {{"else": big}}, "q", "r2")
again = make("d", {{"big": big, "small": b"1"}}, "p", "r3", aliases=["back"])
print(json.dumps([[a.id, a.version, a.aliases] for a in (first, second, other, again)]))
""", server=server)
    first, second, other, again = outcome.json
    assert [first[1], second[1], other[1]] == ["v0", "v1", "v0"]
    assert again[0] == first[0], "the same content must not become a new version"
    api = server.api()
    assert sorted(api.artifact("local/p/d:v0").aliases) == ["back", "latest"]
    assert api.artifact("local/p/d:v1").aliases == ["best"]
    assert api.artifact("local/p/d").id == first[0]
    # Stored once, in whichever artifact and run file it comes; code and metadata files are small.
    assert 2048000 < stored_bytes(server) < 2 * 2048000
    # The second run that logged the same content has it as its output too.
    assert [a.id for a in api.run("local/p/r3").logged_artifacts()] == [first[0]]
    assert tree(api.artifact("local/q/e:v0").download(root=str(outcome.directory / "e")))["else"] == \
        bytes(range(256)) * 8000
    # An older version still has its bytes when the one in which they came is gone.
    api.artifact("local/p/d:v0").delete(delete_aliases=True)
    down = tree(api.artifact("local/p/d:v1").download(root=str(outcome.directory / "d")))
    assert down == {"big": bytes(range(256)) * 8000, "small": b"2", "copy": bytes(range(256)) * 8000}
    assert api.artifact("local/p/d:latest").version == "v1"


def test_runs_know_what_they_made_and_used(server, run_client):
    run_client(MAKE + """
made = make("thing", {"x": b"1"}, "art-use", "maker")
run = wandb.init(project="art-use", id="user")
used = run.use_artifact("thing:latest")
path = used.download("down")
assert pathlib.Path(path, "x").read_bytes() == b"1"
fresh = wandb.Artifact("own", type="model")
with fresh.new_file("w") as f:
    f.write("weights")
run.use_artifact(fresh)
run.finish()
""")
    api = server.api()
    maker, user = api.run("local/art-use/maker"), api.run("local/art-use/user")
    assert [a.name for a in maker.logged_artifacts()] == ["thing:v0"]
    assert [a.name for a in user.used_artifacts()] == ["thing:v0", "own:v0"]
    assert [a.name for a in maker.used_artifacts()] == []
    artifact = api.artifact("local/art-use/thing:latest")
    assert artifact.logged_by().id == "maker"
    assert [run.id for run in artifact.used_by()] == ["user"]
    maker.delete(delete_artifacts=True)
    assert not api.artifact_exists("local/art-use/thing:latest")
    assert [a.name for a in api.run("local/art-use/user").used_artifacts()] == ["own:v0"]


def test_artifacts_build_on_each_other(server, run_client):
    outcome = run_client(MAKE + """
make("base", {"keep/a": b"a", "drop": b"d", "change": b"1"}, "art-draft", "r0")
run = wandb.init(project="art-draft", id="r1")
base = run.use_artifact("base:latest")
draft = base.new_draft()
draft.remove("drop")
with draft.new_file("change", mode="wb") as f:
    f.write(b"2")
run.log_artifact(draft).wait()
linked = wandb.Artifact("points", type="dataset")
linked.add_reference(base.get_entry("keep/a"), name="there")
run.log_artifact(linked).wait()
linked.download("points")
run.finish()
""")
    api = server.api()
    draft = api.artifact("local/art-draft/base:latest")
    assert draft.version == "v1"
    assert tree(draft.download(root=str(outcome.directory / "v1"))) == {"keep/a": b"a", "change": b"2"}
    assert tree(outcome.directory / "points") == {"there": b"a"}
    points = api.artifact("local/art-draft/points:latest")
    assert points.manifest.entries["there"].ref.startswith("wandb-artifact://")


def test_an_unsaved_artifact_can_be_referred_to(server, run_client):
    outcome = run_client("""
import wandb
run = wandb.init(project="art-client-id", id="r")
inner = wandb.Artifact("inner", type="dataset")
table = wandb.Table(columns=["n"], data=[[1], [2], [3]])
inner.add(table, "numbers")
outer = wandb.Artifact("outer", type="dataset")
outer.add(table, "numbers")
run.log_artifact(inner)
run.log_artifact(outer).wait()
run.finish()
""")
    outer = server.api().artifact("local/art-client-id/outer:latest")
    assert outer.get("numbers").data == [[1], [2], [3]]
    assert outcome.returncode == 0


def test_incremental_artifacts_add_to_the_latest_version(server, run_client):
    outcome = run_client("""
import wandb
for index, files in enumerate([{"a": b"1", "b": b"1"}, {"b": b"2"}, {"c": b"3"}]):
    run = wandb.init(project="art-incremental", id=f"r{index}")
    artifact = wandb.Artifact("grows", type="dataset", incremental=True)
    for path, data in files.items():
        with artifact.new_file(path, mode="wb") as f:
            f.write(data)
    run.log_artifact(artifact).wait()
    run.finish()
""")
    artifact = server.api().artifact("local/art-incremental/grows:latest")
    assert artifact.version == "v2"
    assert tree(artifact.download(root=str(outcome.directory / "down"))) == {"a": b"1", "b": b"2", "c": b"3"}
    assert artifact.file_count == 3 and artifact.size == 3
    assert artifact.digest == digest({"a": md5(b"1"), "b": md5(b"2"), "c": md5(b"3")})


def test_distributed_writers_make_one_artifact(server, run_client):
    outcome = run_client("""
import wandb
for index in range(3):
    run = wandb.init(project="art-distributed", id=f"r{index}", group="g")
    artifact = wandb.Artifact("shared", type="dataset")
    with artifact.new_file(f"part{index}") as f:
        f.write(str(index))
    if index < 2:
        run.upsert_artifact(artifact, distributed_id="d")
    else:
        run.finish_artifact(artifact, distributed_id="d").wait()
    run.finish()
""")
    artifact = server.api().artifact("local/art-distributed/shared:latest")
    down = tree(artifact.download(root=str(outcome.directory / "down")))
    assert down == {"part0": b"0", "part1": b"1", "part2": b"2"}
    assert artifact.version == "v0"


def test_xxh128_digests_are_checked_and_come_back(server, run_client):
    outcome = run_client("""
import json, pathlib
import wandb
pathlib.Path("big.bin").write_bytes(bytes(range(256)) * 5000)
for index in range(2):
    run = wandb.init(project="art-xxh", id=f"r{index}")
    artifact = wandb.Artifact("fast", type="dataset", digest_algorithm="XXH128")
    with artifact.new_file("a.txt") as f:
        f.write("foobar")
    artifact.add_file("big.bin", name=f"big{index}")
    run.log_artifact(artifact).wait()
    run.finish()
print(json.dumps([artifact.digest, artifact.digest_algorithm, artifact.manifest.entries["a.txt"].digest]))
""")
    algorithm, a = outcome.json[1:]
    artifact = server.api().artifact("local/art-xxh/fast:v1")
    assert (algorithm.split(".")[-1], a) == ("MANIFEST_XXH128", "PJ4QJiiZf0Ssh7CxMcaZLQ==")
    assert artifact.digest == outcome.json[0]
    down = tree(artifact.download(root=str(outcome.directory / "down")))
    assert down == {"a.txt": b"foobar", "big1": bytes(range(256)) * 5000}


# Tables

def test_logged_tables_can_be_read_back(server, run_client):
    run_client("""
import numpy as np
import wandb
run = wandb.init(project="art-table", id="r")
rows = [[i, f"row {i}", i / 3, None if i % 2 else True] for i in range(500)]
run.log({"t": wandb.Table(columns=["i", "s", "f", "n"], data=rows), "loss": 1})
pictures = [[i, wandb.Image(np.full((4, 4, 3), i, dtype=np.uint8))] for i in range(3)]
run.log({"pictures": wandb.Table(columns=["i", "picture"], data=pictures)})
run.finish()
""")
    run = server.api().run("local/art-table/r")
    table = run.summary["t"]
    assert table["_type"] == "table-file" and (table["ncols"], table["nrows"]) == (4, 500)
    logged = {artifact.name: artifact for artifact in run.logged_artifacts()}
    assert len(logged) == 2 and {artifact.type for artifact in logged.values()} == {"run_table"}
    read = next(artifact for artifact in logged.values() if artifact.name.startswith("run-r-t")).get("t")
    assert read.data == [[i, f"row {i}", i / 3, None if i % 2 else True] for i in range(500)]
    pictures = next(artifact for artifact in logged.values() if "pictures" in artifact.name).get("pictures")
    assert [row[0] for row in pictures.data] == [0, 1, 2]
    assert [row[1].image.getpixel((0, 0)) for row in pictures.data] == [(i, i, i) for i in range(3)]


def test_incremental_tables_grow(server, run_client):
    run_client("""
import wandb
run = wandb.init(project="art-inc-table", id="r")
table = wandb.Table(columns=["i", "sq"], log_mode="INCREMENTAL")
for i in range(4):
    table.add_data(i, i * i)
    run.log({"t": table})
run.finish()
""")
    api = server.api()
    artifacts = [a for a in api.run("local/art-inc-table/r").logged_artifacts() if "incr" in a.type or "incr" in a.name]
    assert artifacts
    latest = api.artifact(f"local/art-inc-table/{artifacts[-1].name.split(':')[0]}:latest")
    paths = sorted(latest.manifest.entries, key=lambda path: path.split("-")[1])
    assert len(paths) == 4
    # The client puts the increments together itself.
    assert latest.get(paths[-1].removesuffix(".table.json")).data == [[i, i * i] for i in range(4)]


# Changes

def test_descriptions_metadata_tags_and_aliases_change(server, run_client):
    run_client(MAKE + """
make("c", {"x": b"1"}, "art-change", "r0", aliases=["best"], metadata={"a": 1})
make("c", {"x": b"2"}, "art-change", "r1")
""")
    api = server.api()
    artifact = api.artifact("local/art-change/c:v0")
    artifact.description = "second \u00fc"
    artifact.metadata["a"] = 2
    artifact.metadata["deep"] = {"list": [1, None, "x"]}
    artifact.tags = ["one", "two words"]
    artifact.aliases.append("candidate")
    artifact.aliases.remove("best")
    artifact.save()
    fresh = api.artifact("local/art-change/c:candidate")
    assert (fresh.version, fresh.description) == ("v0", "second \u00fc")
    assert fresh.metadata == {"a": 2, "deep": {"list": [1, None, "x"]}}
    assert sorted(fresh.tags) == ["one", "two words"] and fresh.aliases == ["candidate"]
    fresh.tags = ["two words"]
    fresh.save()
    assert api.artifact("local/art-change/c:v0").tags == ["two words"]
    # An alias names one version: adding it moves it.
    other = api.artifact("local/art-change/c:v1")
    other.aliases.append("candidate")
    other.save()
    assert api.artifact("local/art-change/c:v0").aliases == []
    assert api.artifact("local/art-change/c:candidate").version == "v1"
    other.aliases += ["v7"]
    with pytest.raises(Exception, match="v7"):
        other.save()
    assert sorted(api.artifact("local/art-change/c:v1").aliases) == ["candidate", "latest"]


def test_linking_into_a_portfolio_and_out_again(server, run_client):
    run_client(MAKE + """
make("model", {"w": b"1"}, "art-link", "r0", type="model")
run = wandb.init(project="art-link", id="r1")
artifact = wandb.Artifact("model", type="model")
with artifact.new_file("w") as f:
    f.write("2")
run.log_artifact(artifact).wait()
run.link_artifact(artifact, "art-link/shelf", aliases=["fromrun"])
run.finish()
""")
    api = server.api()
    first = api.artifact("local/art-link/model:v0")
    linked = first.link("local/art-link/shelf", aliases=["staging"])
    shelf = api.artifact("local/art-link/shelf:staging")
    assert shelf.is_link and shelf.version == "v1" and shelf.source_version == "v0"
    assert sorted(shelf.aliases) == ["latest", "staging"]
    assert linked.qualified_name == "local/art-link/shelf:v1"
    assert api.artifact("local/art-link/shelf:fromrun").source_version == "v1"
    assert pathlib.Path(shelf.download(root=str(pathlib.Path(server.data).parent / "shelf")), "w").read_bytes() == b"1"
    assert {a.qualified_name for a in first.linked_artifacts} == {"local/art-link/shelf:v1"}
    assert api.artifact("local/art-link/model:v0").aliases == []
    # Types do not mix in a portfolio.
    run_client(MAKE + 'make("data", {"x": b"1"}, "art-link", "r2")')
    with pytest.raises(Exception, match="type"):
        api.artifact("local/art-link/data:v0").link("local/art-link/shelf")
    shelf.unlink()
    assert not api.artifact_exists("local/art-link/shelf:staging")
    assert api.artifact("local/art-link/shelf:latest").source_version == "v1"
    assert api.artifact_exists("local/art-link/model:v0")


def test_deleting_versions(server, run_client):
    run_client(MAKE + """
for index in range(3):
    make("gone", {"x": str(index).encode()}, "art-delete", f"r{index}", aliases=[f"a{index}"])
""")
    api = server.api()
    last = api.artifact("local/art-delete/gone:latest")
    with pytest.raises(Exception, match="alias"):
        last.delete()
    assert api.artifact("local/art-delete/gone:v2").state == "COMMITTED"
    last.delete(delete_aliases=True)
    assert api.artifact("local/art-delete/gone:latest").version == "v1"
    assert not api.artifact_exists("local/art-delete/gone:v2")
    run_client(MAKE + 'make("gone", {"x": b"new"}, "art-delete", "r9")')
    assert api.artifact("local/art-delete/gone:latest").version == "v3"


# Listings

def test_listings_page_filter_and_order(server, run_client):
    run_client("""
import wandb
run = wandb.init(project="art-list", id="r")
for index in range(5):
    artifact = wandb.Artifact("many", type="dataset")
    with artifact.new_file("x") as f:
        f.write(str(index))
    run.log_artifact(artifact, tags=["odd"] if index % 2 else []).wait()
for name, type in [("m1", "model"), ("d2", "dataset")]:
    artifact = wandb.Artifact(name, type=type)
    with artifact.new_file("y") as f:
        f.write(name)
    run.log_artifact(artifact).wait()
run.finish()
""")
    api = server.api()
    # The client keeps the program and its job as artifacts of their own in some cases; ours are what counts here.
    types = {type.name for type in api.artifact_types("local/art-list")}
    assert {"dataset", "model"} <= types
    assert api.artifact_type("model", "local/art-list").name == "model"
    collections = api.artifact_collections("local/art-list", "dataset", per_page=1)
    assert [collection.name for collection in collections] == ["d2", "many"] and len(collections) == 2
    collection = api.artifact_collection("dataset", "local/art-list/many")
    assert collection.type == "dataset" and collection.aliases == ["latest"]
    versions = api.artifacts("dataset", "local/art-list/many", per_page=2)
    assert [artifact.version for artifact in versions] == ["v4", "v3", "v2", "v1", "v0"] and len(versions) == 5
    assert [a.version for a in api.artifacts("dataset", "local/art-list/many", tags=["odd"])] == ["v3", "v1"]
    assert [artifact.version for artifact in collection.artifacts()][:2] == ["v4", "v3"]
    assert api.artifact_collection_exists("local/art-list/many", "dataset")
    assert not api.artifact_collection_exists("local/art-list/none", "dataset")
    with pytest.raises(Exception):
        api.artifact("local/art-list/none:v0")
    with pytest.raises(Exception):
        api.artifact("local/art-list/many:v9")


# What is refused

def test_a_name_has_one_type(server, run_client):
    outcome = run_client(MAKE + """
make("one", {"x": b"1"}, "art-clash", "r0")
try:
    make("one", {"x": b"2"}, "art-clash", "r1", type="model")
except Exception as error:
    print(json.dumps(str(error)))
""")
    assert "type" in outcome.json and "dataset" in outcome.json


CREATE = """mutation M($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact { id state } } }"""
FILES = """mutation M($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) { files { edges { node {
  name storagePath uploadUrl uploadHeaders artifact { id }
  uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }"""
MANIFEST = """mutation M($input: CreateArtifactManifestInput!) { createArtifactManifest(input: $input) {
  artifactManifest { id file { uploadUrl uploadHeaders } } } }"""
COMMIT = "mutation M($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { id state digest } } }"
COMPLETE = """mutation M($input: CompleteMultipartUploadArtifactInput!) {
  completeMultipartUploadArtifact(input: $input) { digest } }"""


class Maker:
    """An artifact step by step, so that steps can go wrong."""

    def __init__(self, server, project, contents, **more):
        self.server, self.project, self.contents = server, project, contents
        server.upsert(project, "r")
        given = {path: md5(data) for path, data in contents.items()}
        self.input = {"entityName": "local", "projectName": project, "runName": "r", "artifactTypeName": "t",
                      "artifactCollectionName": "c", "digest": digest(given), "enableDigestDeduplication": True,
                      "aliases": [{"artifactCollectionName": "c", "alias": "latest"}], **more}

    def create(self):
        artifact = self.server.graphql(CREATE, {"input": self.input})["createArtifact"]["artifact"]
        self.id = artifact["id"]
        return artifact

    def announce(self, specs=None):
        specs = specs or [{"name": path, "md5": md5(data)} for path, data in self.contents.items()]
        data = self.server.graphql(FILES, {"input": {"artifactFiles": [{"artifactID": self.id, **s} for s in specs]}})
        return [edge["node"] for edge in data["createArtifactFiles"]["files"]["edges"]]

    def put(self, url, data, headers=None):
        assert url.startswith(self.server.url + "/")
        return self.server.request("PUT", url[len(self.server.url):], data, headers or {}, key=None)

    def manifest(self, entries=None, **more):
        entries = entries or {path: {"digest": md5(data), "size": len(data)} for path, data in self.contents.items()}
        text = json.dumps({"version": 1, "storagePolicy": "wandb-storage-policy-v1",
                           "storagePolicyConfig": {"storageLayout": "V2"}, "contents": entries}).encode()
        return self.raw_manifest(text, **more)

    def raw_manifest(self, text, type="FULL"):
        made = self.server.graphql(MANIFEST, {"input": {
            "artifactID": self.id, "name": "m", "digest": md5(text), "entityName": "local",
            "projectName": self.project, "runName": "r", "type": type}})
        file = made["createArtifactManifest"]["artifactManifest"]["file"]
        assert file["uploadHeaders"] == [f"Content-MD5:{md5(text)}", "Content-Type:application/json"]
        return self.put(file["uploadUrl"], text)[0]

    def commit(self):
        return self.server.graphql(COMMIT, {"id": self.id})["commitArtifact"]["artifact"]

    def refused(self, query, variables):
        status, _, body = self.server.request("POST", "/graphql", {"query": query, "variables": variables})
        answer = json.loads(body)
        assert status == 200 and answer["errors"], body
        return answer["errors"][0]["message"]


def test_the_steps_of_an_artifact_and_its_digests_are_checked(server):
    maker = Maker(server, "art-steps", {"b/\u00fc": b"two", "a": b"one"})
    assert maker.create()["state"] == "PENDING"
    nodes = maker.announce()
    assert [node["name"] for node in nodes] == ["b/\u00fc", "a"]
    assert nodes[0]["uploadHeaders"] == [f"Content-MD5:{md5(b'two')}", "Content-Type:application/octet-stream"]
    message = maker.refused(COMMIT, {"id": maker.id})
    assert "manifest" in message
    assert maker.manifest() == 200
    assert "'a'" in maker.refused(COMMIT, {"id": maker.id})
    # Other bytes than announced are refused and not kept.
    status, _, body = maker.put(nodes[0]["uploadUrl"], b"TWO")
    assert status == 400 and md5(b"two").encode() in body.replace(b"\\/", b"/")
    status, headers, _ = maker.put(nodes[0]["uploadUrl"], b"two")
    assert status == 200 and headers["ETag"] == f'"{hashlib.md5(b"two").hexdigest()}"'
    assert maker.put(nodes[1]["uploadUrl"].replace("/upload/", "/upload/0"), b"one")[0] == 403
    assert maker.put(nodes[1]["uploadUrl"], b"one")[0] == 200
    wrong = {"a": {"digest": md5(b"one"), "size": 3}}
    assert maker.manifest(wrong) == 200
    assert "digest" in maker.refused(COMMIT, {"id": maker.id})
    assert maker.manifest() == 200
    done = maker.commit()
    assert done["state"] == "COMMITTED" and done["digest"] == maker.input["digest"]
    assert maker.commit() == done, "a commit may come again"
    # The same content needs no upload, and is the same version.
    assert Maker(server, "art-steps", maker.contents).create() == {"id": maker.id, "state": "COMMITTED"}
    other = Maker(server, "art-steps-2", {"z": b"two"})
    other.create()
    node = other.announce()[0]
    assert node["uploadUrl"] is None and node["artifact"]["id"] == maker.id
    assert other.manifest() == 200 and other.commit()["state"] == "COMMITTED"
    assert "committed" in other.refused(FILES, {"input": {"artifactFiles": [
        {"artifactID": other.id, "name": "late", "md5": md5(b"")}]}})


@pytest.mark.parametrize("text, named", [
    (b"", "JSON"), (b"{", "JSON"), (b"[]", "JSON"), (b"{}", "contents"), (b'{"version":1}', "contents"),
    (b'{"version":2,"contents":{}}', "version"), (b'{"version":1,"contents":{},"contents":{}}', "two"),
    (b'{"version":1,"contents":{"a":1}}', "digest"), (b'{"version":1,"contents":{"a":{"digest":"x"}}}', "base64"),
    (b'{"version":1,"contents":{"../a":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg=="}}}', "relative"),
    (b'{"version":1,"contents":{"/a":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg=="}}}', "relative"),
    (b'{"version":1,"contents":{"a":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg==","size":-1}}}', "size"),
    (b'{"version":1,"contents":{"a":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg=="},"a":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg=="}}}',
     "twice"),
    (b'{"version":1,"contents":{"a":' + b"[" * 100000 + b"}", "JSON"),
    (b'{"version":1,"contents":{"\xff":{}}}', "JSON"),
    (b'{"version":1,"contents":{}} x', "JSON"), (b'{"version":1,"contents":{"a\\', "JSON"),
])
def test_broken_manifests_are_refused_by_name(server, text, named):
    maker = Maker(server, "art-broken", {"a": b""}, digest="0" * 32)
    maker.create()
    assert maker.raw_manifest(text) == 200
    assert named in maker.refused(COMMIT, {"id": maker.id})


@pytest.mark.parametrize("change", [
    {"digest": "x"}, {"digest": "A" * 32}, {"artifactCollectionName": ""}, {"artifactCollectionName": "a/b"},
    {"artifactCollectionName": "a" * 129}, {"artifactTypeName": "a:b"}, {"runName": "none"}, {"projectName": "none"},
    {"metadata": "[]"}, {"metadata": "{"}, {"metadata": json.dumps({str(i): i for i in range(101)})},
    {"aliases": [{"artifactCollectionName": "c", "alias": "v1"}]},
    {"aliases": [{"artifactCollectionName": "c", "alias": "a:b"}]},
    {"aliases": [{"artifactCollectionName": "other", "alias": "a"}]}, {"tags": [{"tagName": "a/b"}]},
])
def test_bad_input_is_refused_before_anything_is_made(server, change):
    maker = Maker(server, "art-bad", {"a": b""}, **change)
    assert maker.refused(CREATE, {"input": maker.input})
    data = server.graphql(
        '{ project(name: "art-bad", entityName: "local") { artifactTypes { edges { node { name } } } } }')
    assert data["project"]["artifactTypes"]["edges"] == []


@pytest.mark.parametrize("spec", [
    {"name": "../x", "md5": md5(b"")}, {"name": "/x", "md5": md5(b"")}, {"name": "", "md5": md5(b"")},
    {"name": "a//b", "md5": md5(b"")}, {"name": "x", "md5": "x"}, {"name": "x", "md5": md5(b"")[:-2]},
    {"name": "x", "md5": md5(b""), "digest": md5(b"1")}, {"name": "x", "md5": md5(b""), "mimetype": "a\r\nb: c"},
    {"name": "x", "md5": md5(b""), "uploadPartsInput": [{"partNumber": 2, "hexMD5": "0" * 32}]},
    {"name": "x", "md5": md5(b""), "uploadPartsInput": [{"partNumber": 1, "hexMD5": "zz"}]},
])
def test_bad_file_specs_are_refused(server, spec):
    maker = Maker(server, "art-specs", {"a": b""}, digest="1" * 32)
    maker.create()
    assert maker.refused(FILES, {"input": {"artifactFiles": [{"artifactID": maker.id, **spec}]}})


def test_a_file_in_parts_is_put_together_and_survives_a_restart(start_server):
    server = start_server()
    parts = [bytes([index]) * (100_000 + index) for index in range(3)]
    whole = b"".join(parts)
    maker = Maker(server, "art-parts", {"big": whole})
    maker.create()
    spec = {"name": "big", "md5": md5(whole), "uploadPartsInput": [
        {"partNumber": index + 1, "hexMD5": hashlib.md5(part).hexdigest()} for index, part in enumerate(parts)]}
    node = maker.announce([spec])[0]
    assert node["uploadUrl"]
    urls = {part["partNumber"]: part["uploadUrl"] for part in node["uploadMultipartUrls"]["uploadUrlParts"]}
    assert sorted(urls) == [1, 2, 3]
    claimed = []

    def complete(**change):
        return {"input": {"completeMultipartAction": "Complete", "artifactID": node["artifact"]["id"],
                          "storagePath": node["storagePath"], "completedParts": claimed,
                          "uploadID": node["uploadMultipartUrls"]["uploadID"], **change}}

    assert maker.put(urls[1], parts[1])[0] == 400
    for number in (3, 1):
        status, headers, _ = maker.put(urls[number], parts[number - 1])
        assert status == 200
        claimed.append({"partNumber": number, "hexMD5": headers["ETag"]})
    server.restart(sigkill=True)
    assert "parts" in maker.refused(COMPLETE, complete())
    assert [n["uploadMultipartUrls"] for n in maker.announce([spec])] != [None]
    claimed.append({"partNumber": 2, "hexMD5": f'"{hashlib.md5(parts[1]).hexdigest()}"'})
    assert "part 2" in maker.refused(COMPLETE, complete())
    assert maker.put(urls[2], parts[1])[0] == 200
    assert maker.refused(COMPLETE, complete(storagePath="artifact/1/999"))
    for _ in range(2):
        assert server.graphql(COMPLETE, complete())["completeMultipartUploadArtifact"]["digest"] == md5(whole)
    assert maker.manifest() == 200
    maker.commit()
    artifact = server.api().artifact("local/art-parts/c:v0")
    assert tree(artifact.download(root=str(server.data.parent / "down"))) == {"big": whole}


def test_files_are_also_behind_the_key_and_in_ranges(server, run_client):
    outcome = run_client(MAKE + """
artifact = make("ranged", {"x/y.txt": bytes(range(200))}, "art-ranges", "r")
print(json.dumps(artifact.id))
""")
    data = bytes(range(200))
    hexadecimal = hashlib.md5(data).hexdigest()
    id = outcome.json
    for path in (f"/artifactsV2/default/local/art-ranges/ranged/{id}/{hexadecimal}/y.txt",
                 f"/artifactsV2/default/local/art-ranges/ranged/{id}/{id}/{hexadecimal}/y.txt",
                 f"/artifacts/local/{hexadecimal}"):
        status, _, body = server.request("GET", path.replace("=", "%3D"))
        assert (status, body) == (200, data), path
        assert server.request("GET", path, key=None)[0] == 401
        assert server.request("GET", path, headers={"Range": "bytes=5-9"})[2] == data[5:10]
        assert server.request("PUT", path, b"x")[0] == 405
    assert server.request("GET", f"/artifacts/local/{'0' * 32}")[0] == 404
    assert server.request("GET", "/artifacts/local/zz")[0] == 404
    file = next(iter(server.api().artifact("local/art-ranges/ranged:v0").files()))
    url = file.direct_url if hasattr(file, "direct_url") else file._attrs["directUrl"]
    path = url[len(server.url):]
    assert server.request("GET", path, key=None)[2] == data
    assert server.request("GET", path.replace("y.txt", "z.txt"), key=None)[0] == 403


def test_a_key_that_may_only_read_cannot_write(start_server, run_client):
    server = start_server()
    run_client(MAKE + 'make("d", {"x": b"1"}, "p", "r")', server=server)
    server.stop()
    text = server.command("keys", "add", "--read-only", "reader")
    server.start()
    key = next(word for word in text.split() if len(word) == 40)
    api = server.api(key=key)
    artifact = api.artifact("local/p/d:v0")
    assert tree(artifact.download(root=str(server.data.parent / "down"))) == {"x": b"1"}
    artifact.description = "no"
    with pytest.raises(Exception, match="may only read"):
        artifact.save()
    with pytest.raises(Exception, match="may only read"):
        artifact.delete(delete_aliases=True)
    assert server.api().artifact("local/p/d:v0").description is None


def test_artifacts_survive_a_killed_server(start_server, run_client):
    server = start_server()
    run_client(MAKE + 'make("d", {"x": bytes(100000), "y": b"1"}, "p", "r", aliases=["kept"])', server=server)
    server.restart(sigkill=True)
    artifact = server.api().artifact("local/p/d:kept")
    assert tree(artifact.download(root=str(server.data.parent / "down"))) == {"x": bytes(100000), "y": b"1"}
