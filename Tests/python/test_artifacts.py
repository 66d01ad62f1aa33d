"""Artifacts: what is in them, how values refer to them, what is refused."""

import base64
import hashlib
import json
import os

import pytest
import quipu
import runs


def entries(record):
    return {entry["path"]: entry for entry in record["manifest"].get("contents", [])}


def content(entry):
    with open(entry["local_path"], "rb") as file:
        return file.read()


def image(value=0):
    return quipu.Image(memoryview(bytes([value] * 12)).cast("B", (3, 4)))


def test_files_are_copied_with_their_digests():
    os.makedirs("d/sub")
    for path, text in (("d/a.txt", "hello\n"), ("d/sub/b.txt", "")):
        with open(path, "w") as file:
            file.write(text)
    artifact = quipu.Artifact("set", "dataset", description="words", metadata={"k": [1, 2]})
    artifact.add_file("d/a.txt")
    artifact.add_file("d/a.txt", name="in/c.txt", policy="immutable")
    artifact.add_dir("d", name="all")
    with artifact.new_file("new.txt") as file:
        file.write("text")
    with pytest.raises(KeyError):
        with artifact.new_file("broken.txt") as file:
            raise KeyError("x")
    artifact.add_reference("s3://bucket/key", name="far")
    artifact.add_reference("file://" + os.path.abspath("d"), name="near")
    with open("d/a.txt", "w") as file:
        file.write("changed")
    run = runs.start()
    assert run.log_artifact(artifact, aliases=["best"], tags=["t 1"]) is artifact
    record = runs.fold(run).artifacts[0]
    found = entries(record)
    assert sorted(found) == [
        "a.txt", "all/a.txt", "all/sub/b.txt", "far", "in/c.txt", "near/a.txt", "near/sub/b.txt", "new.txt",
    ]  # fmt: skip
    assert content(found["a.txt"]) == content(found["all/a.txt"]) == b"hello\n" and content(found["new.txt"]) == b"text"
    assert found["a.txt"]["digest"] == base64.b64encode(hashlib.md5(b"hello\n").digest()).decode()
    assert found["in/c.txt"]["local_path"] == os.path.abspath("d/a.txt")
    assert found["far"]["ref"] == found["far"]["digest"] == "s3://bucket/key" and "local_path" not in found["far"]
    assert found["near/a.txt"]["ref"] == "file://" + os.path.abspath("d/a.txt") and found["near/a.txt"]["size"] == 6
    lines = "".join(f"{path}:{found[path]['digest']}\n" for path in sorted(found))
    assert record["digest"] == hashlib.md5(("wandb-artifact-manifest-v1\n" + lines).encode()).hexdigest()
    assert json.loads(record["metadata"]) == {"k": [1, 2]} and record["aliases"] == ["latest", "best"]
    log = content({"local_path": run._info["log_path"]})
    assert b"words" in log and b"t 1" in log  # the second reader leaves description and tags out


def test_digest_and_entries_are_known_before_the_log():
    artifact = quipu.Artifact("set", "dataset")
    assert artifact.add(image(), "pic").path == "pic.image-file.json"
    assert artifact.add(quipu.Table(columns=["a"], data=[[1]]), "t.table.json").path == "t.table.json"
    digest, before = artifact.digest, artifact.entries
    run = runs.start()
    run.log_artifact(artifact)
    record = runs.fold(run).artifacts[0]
    assert record["digest"] == digest and sorted(entries(record)) == sorted(before)


def test_media_of_a_logged_artifact_are_referred_to():
    run = runs.start()
    picture, table = image(), quipu.Table(columns=["a"], data=[[1]], log_mode="MUTABLE")
    run.log({"before": image(1)})
    one = quipu.Artifact("one", "dataset")
    one.add(picture, "p")
    one.add(picture, "again")
    one.add(table, "t")
    run.log_artifact(one)
    run.log({"p": picture, "t": table})
    two = quipu.Artifact("two", "dataset")
    two.add(picture, "elsewhere")
    run.log_artifact(two)
    table.add_data(2)
    run.log({"t": table})
    fold = runs.fold(run)
    first, reference, second, fresh = fold.artifacts
    url = f"wandb-client-artifact://{first['client_id']}/"
    assert sorted(path for path in entries(first) if "/" not in path) == ["p.image-file.json", "t.table.json"]
    assert fold.rows[1]["p"]["artifact_path"] == url + "p.image-file.json"
    assert fold.rows[1]["t"]["artifact_path"] == url + "t.table.json" and "artifact_path" not in fold.rows[0]["before"]
    assert [entry["ref"] for entry in entries(reference).values()] == [url + "t.table.json"]
    assert entries(second)["elsewhere.image-file.json"]["ref"] == url + "p.image-file.json"
    assert json.loads(content(entries(fresh)["t.table.json"]))["data"] == [[1], [2]]


def test_joined_tables_bring_an_artifact_along():
    run = runs.start()
    one, two = (quipu.Table(columns=["id"], data=[["x"]]) for _ in range(2))
    run.log({"j": quipu.JoinedTable(one, two, "id")})
    fold = runs.fold(run)
    (record,) = fold.artifacts
    found = entries(record)
    joined = json.loads(content(found["j.joined-table.json"]))
    assert joined["join_key"] == "id" and {joined["table1"], joined["table2"]} < set(found)
    path = f"wandb-client-artifact://{record['client_id']}/j.joined-table.json"
    assert fold.rows[0]["j"] == {"_type": "joined-table", "artifact_path": path}
    for arguments in ((one, "t.json", "id"), (one, two, 3), (one, two, ["a"]), (one, 5, "id")):
        with pytest.raises(ValueError):
            quipu.JoinedTable(*arguments)


@pytest.mark.parametrize(
    "arguments", [("a b", "x"), ("", "x"), ("a" * 129, "x"), ("ok", "job"), ("ok", "wandb-x"), ("ok", "")]
)
def test_names_and_types_that_cannot_be_are_refused(arguments):
    with pytest.raises(ValueError):
        quipu.Artifact(*arguments)


def test_bad_content_is_refused_and_the_artifact_stays_as_it_was():
    artifact = quipu.Artifact("set", "dataset")
    with open("f", "w") as file:
        file.write("1")
    with open("g", "w") as file:
        file.write("2")
    artifact.add_file("f", name="x")
    artifact.add_file("f", name="x")  # the same content
    for bad in (lambda: artifact.add_file("g", name="x"), lambda: artifact.add_file("missing"),
                lambda: artifact.add_file("."), lambda: artifact.add_file("f", name="/x"),
                lambda: artifact.add_file("f", name="../x"), lambda: artifact.add_dir("f"),
                lambda: artifact.add(quipu.Table(columns=["a"]), "../t"), lambda: artifact.add_reference("no scheme")):  # fmt: skip
        with pytest.raises(ValueError):
            bad()
    for value in (quipu.Histogram([1, 2]), 3, "text"):
        with pytest.raises(TypeError):
            artifact.add(value, "h")
    assert list(artifact.entries) == ["x"]
    run = runs.start()
    for arguments in ({"aliases": ["a/b"]}, {"aliases": ["a:b"]}, {"tags": ["a/b"]}):
        with pytest.raises(ValueError):
            run.log_artifact(artifact, **arguments)
    run.log_artifact(artifact)
    with pytest.raises(quipu.Error, match="was logged"):
        artifact.add_file("g", name="y")
    assert len(runs.fold(run).artifacts) == 1


def test_copies_of_an_artifact_that_is_never_logged_are_removed():
    artifact = quipu.Artifact("set", "dataset")
    with artifact.new_file("x") as file:
        file.write("text")
    staging = os.path.join(os.environ["HOME"], ".local/share/wandb/artifacts/staging")
    assert len(os.listdir(staging)) == 1
    del artifact
    assert os.listdir(staging) == []


def test_a_path_becomes_an_artifact():
    with open("model.bin", "wb") as file:
        file.write(b"abc")
    run = runs.start(id="rid")
    run.log_artifact("model.bin")
    run.log_artifact("model.bin", name="m", type="model")
    first, second = runs.fold(run).artifacts
    assert (first["name"], first["type"]) == ("run-rid-model.bin", "unspecified")
    assert (second["name"], second["type"]) == ("m", "model") and list(entries(second)) == ["model.bin"]
