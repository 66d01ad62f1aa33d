"""The key goes to the server in one header and nowhere else."""

import glob
import os
import pathlib
import subprocess

import pytest
from conftest import COMMAND, QUIET, quipu_environment, run_directory, wait_for
from faults import STREAM, plan
from programs import check_everything, everything
from server_fixtures import basic, client_environment


def secrets_of(server):
    """The key as it is, without its prefix, and as the header has it."""
    import base64

    key = server.key
    return [key, key.split("-", 1)[-1], base64.b64encode(f"api:{key}".encode()).decode()]


def leaks(text, secrets):
    data = text.encode() if isinstance(text, str) else text
    return [secret for secret in secrets if secret.encode() in data]


def look_through(directory, secrets, allowed=()):
    found = []
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name not in allowed and leaks(path.read_bytes(), secrets):
            found.append(str(path.relative_to(directory)))
    return found


def test_the_key_is_in_no_file_no_output_and_no_request_body(server, proxy, quipu, run_id):
    between = proxy(plan.Rule(STREAM, plan.status(500)), plan.Rule("UpsertBucket", plan.status(503)))
    outcome = quipu(everything(run_id), server=between, env={"WANDB_SILENT": None})
    check_everything(server, run_id)
    secrets = secrets_of(server)
    assert not leaks(outcome.stdout + outcome.stderr, secrets)
    assert not look_through(outcome.directory, secrets)
    for request in between.requests:
        assert not leaks(request.body, secrets) and not leaks(request.path, secrets)
        carriers = [name.lower() for name, value in request.headers if leaks(value, secrets)]
        assert carriers == ([] if request.kind == "put" else ["authorization"]), request.kind
        assert request.kind == "put" or request.header("Authorization") == basic(server.key)


@pytest.mark.parametrize("fault", [plan.status(401), plan.status(403), plan.html(404)], ids=str)
def test_no_message_of_a_failure_has_the_key(server, proxy, quipu, run_id, fault):
    between = proxy(plan.Rule("*", fault, None))
    outcome = quipu(everything(run_id), server=between, env={"WANDB_SILENT": None}, timeout=60)
    done = quipu.sync(run_directory(outcome), server=between, directory=outcome.directory, check=False)
    for text in (outcome.stdout, outcome.stderr, done.stdout, done.stderr):
        assert not leaks(text, secrets_of(server))
    assert not look_through(outcome.directory, secrets_of(server))


def test_an_answer_that_repeats_the_key_is_not_repeated(server, proxy, quipu, run_id):
    """A proxy's error page may show the request's headers."""
    told = {"errors": [{"message": f"bad request: Authorization: {basic(server.key)} key {server.key}"}]}
    between = proxy(plan.Rule("*", plan.answer(403, told), None))
    outcome = quipu(everything(run_id), server=between, env={"WANDB_SILENT": None}, timeout=60)
    assert not leaks(outcome.stdout + outcome.stderr, secrets_of(server))
    assert not look_through(outcome.directory, secrets_of(server))


def test_the_key_is_in_no_process_list(server, proxy, quipu, run_id):
    """Ours and our children's command lines; the environment is the user's own doing."""
    between = proxy(plan.Rule("*", plan.delay(0.2), None))
    process = quipu.start(everything(run_id, rows=200, pause=0.01), server=between)
    seen = set()

    def look():
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                status = pathlib.Path(path).with_name("status").read_text()
                if f"NSsid:\t{os.getsid(process.pid)}" in status or path == f"/proc/{process.pid}/cmdline":
                    seen.add(pathlib.Path(path).read_bytes())
            except OSError:
                pass
        return process.poll() is not None

    wait_for(look, "the end", 60)
    assert seen and not [line for line in seen if leaks(line, secrets_of(server))]


def test_login_stores_the_key_in_a_file_for_the_user_alone(server, tmp_path, quipu, built):
    if quipu.library != "quipu":
        pytest.skip("our command")
    environment = {**client_environment(tmp_path, server.url, server.key), **quipu_environment(), "WANDB_API_KEY": ""}
    del environment["WANDB_API_KEY"]

    def login(*arguments, text=None):
        return subprocess.run([COMMAND, "login", *arguments], env=environment, cwd=tmp_path, input=text, text=True,
                              capture_output=True, timeout=60)

    bad = login("--key", "-", text="local-" + "z" * 40 + "\n")
    assert bad.returncode != 0 and not (tmp_path / ".home/.netrc").exists()
    done = login("--key", "-", text=server.key + "\n")
    assert done.returncode == 0, done.stderr
    netrc = tmp_path / ".home/.netrc"
    assert netrc.stat().st_mode & 0o777 == 0o600 and server.key in netrc.read_text()
    assert not leaks(done.stdout + done.stderr, secrets_of(server))
    # A run finds it there.
    run = quipu(everything("netrc" + tmp_path.parent.name[-6:].replace("-", ""), files=False),
                env={"WANDB_API_KEY": None, "NETRC": str(netrc), **QUIET})
    assert run.json["finished"] == "ok"
    assert not look_through(run.directory, secrets_of(server), allowed=(".netrc",))
