"""The `wandb` command, and keys: good, bad, read-only."""

import json
import stat

import pytest


def test_login_verifies_the_key(server, run_client):
    good = run_client.cli("login", "--verify", "--host", server.url, server.key,
                          env={"WANDB_API_KEY": None, "WANDB_SILENT": "false"})
    assert "local" in good.stderr + good.stdout
    netrc = good.directory / ".home" / ".netrc"
    assert server.key in netrc.read_text() and stat.S_IMODE(netrc.stat().st_mode) == 0o600
    bad = run_client.cli("login", "--verify", "--relogin", "--host", server.url, "0" * 40,
                         env={"WANDB_API_KEY": None, "WANDB_SILENT": "false"}, check=False)
    said = bad.stderr + bad.stdout
    assert bad.returncode != 0 and ("not logged in" in said or "401" in said or "invalid" in said.lower()), said
    # The key of netrc is enough from then on.
    logged = run_client("""
import wandb
run = wandb.init(project="cli", id="by-netrc")
run.log({"x": 1})
run.finish()
""", env={"WANDB_API_KEY": None}, directory=good.directory)
    assert logged.returncode == 0 and [row["x"] for row in server.history("cli", "by-netrc")] == [1]


def test_a_run_with_an_unknown_key_is_refused_at_once(server, run_client):
    outcome = run_client("""
import wandb
wandb.init(project="cli", id="refused")
""", env={"WANDB_API_KEY": "f" * 40}, check=False)
    assert outcome.returncode != 0
    assert "not logged in" in outcome.stderr and "this API key is not known here" in outcome.stderr, outcome.stderr
    assert server.run("cli", "refused", "id") is None


def test_status_sync_and_pull(server, run_client):
    offline = run_client("""
import pathlib
import wandb
run = wandb.init(project="cli", id="pulled", mode="offline")
run.log({"x": 1})
pathlib.Path("data").mkdir()
pathlib.Path("data/a.txt").write_text("alpha\\n")
pathlib.Path("data/b.bin").write_bytes(bytes(range(256)) * 100)
run.save("data/*")
run.finish()
""")
    status = run_client.cli("status", directory=offline.directory, env={"WANDB_SILENT": "false"})
    assert server.url in status.stdout + status.stderr
    dry = run_client.cli("sync", "--dry-run", directory=offline.directory, env={"WANDB_SILENT": "false"})
    assert "pulled" in dry.stdout + dry.stderr
    run_client.cli("sync", "--yes", directory=offline.directory)
    assert [row["x"] for row in server.history("cli", "pulled")] == [1]
    pulled = run_client.cli("pull", "-p", "cli", "-e", "local", "pulled", env={"WANDB_SILENT": "false"})
    assert (pulled.directory / "data/a.txt").read_text() == "alpha\n"
    assert (pulled.directory / "data/b.bin").read_bytes() == bytes(range(256)) * 100
    assert (pulled.directory / "wandb-metadata.json").exists() or (pulled.directory / "requirements.txt").exists()
    again = run_client.cli("pull", "-p", "cli", "-e", "local", "pulled", env={"WANDB_SILENT": "false"},
                           directory=pulled.directory)
    assert again.returncode == 0
    restored = run_client.cli("restore", "--no-git", "-p", "cli", "-e", "local", "pulled")
    assert (restored.directory / "wandb" / "config.yaml").exists()


def test_a_read_only_key_reads_and_never_writes(start_server, run_client):
    server = start_server()
    server.stop()
    reader = server.command("keys", "add", "reader", "--read-only").strip()
    assert "reader" in server.command("keys", "list")
    server.start()
    run_client("""
import wandb
run = wandb.init(project="cli", id="guarded")
run.log({"x": 1})
run.finish()
""", server=server)
    api = server.api(key=reader)
    run = api.run("local/cli/guarded")
    assert [row["x"] for row in run.scan_history()] == [1] and [file.name for file in run.files()]
    assert run.file("config.yaml").size > 0
    for write in (run.delete, run.stop, run.update, lambda: run.update_state("failed"),
                  lambda: api.create_project("forbidden", "local"),
                  lambda: api.create_run(run_id="forbidden", project="cli", entity="local"),
                  lambda: run.file("config.yaml").delete(), lambda: run.upload_file(__file__, root="/")):
        with pytest.raises(Exception, match="read"):
            write()
    refused = run_client("""
import wandb
wandb.init(project="cli", id="forbidden")
""", env={"WANDB_API_KEY": reader}, server=server, check=False)
    assert refused.returncode != 0 and "read" in refused.stderr and "Traceback" in refused.stderr
    status, _, body = server.request("POST", "/files/local/cli/guarded/file_stream", {"complete": True}, key=reader)
    assert status == 403 and "read" in json.loads(body)["error"]
    status, _, body = server.request("PUT", "/files/local/cli/guarded/x.txt", b"x", key=reader)
    assert status == 403
    assert server.run("cli", "guarded", "state fileCount") == {
        "state": "finished", "fileCount": len(list(run.files()))}
    assert server.run("cli", "forbidden", "id") is None
    # A revoked key is worth nothing after the next start.
    server.stop()
    number = next(line for line in server.command("keys", "list").splitlines() if line.endswith("reader")).split()[0]
    server.command("keys", "remove", number)
    server.start()
    status, _, _ = server.request("POST", "/graphql", {"query": "{ viewer { id } }"}, key=reader)
    assert status == 401
