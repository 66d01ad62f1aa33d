"""Names, certificates, proxies, IPv6: what leads to the server, and what a failure says."""

import socket

import pytest
from conftest import run_directory, wait_for
from faults import STREAM, ForwardProxy
from programs import check_everything, everything

BRIEF = {"WANDB_SILENT": None, "WANDB_FINISH_TIMEOUT": "2"}


def ended_on_disk(outcome, *words):
    """The run ended well, and what was said has these words."""
    said = outcome.stderr + outcome.json["finished"]
    assert outcome.returncode == 0 and outcome.json["finish"] < 30
    for word in words:
        assert word in said, f"{word!r} is not in: {said}"


def test_a_private_authority_is_trusted_when_it_is_named(server, proxy, authority, quipu, run_id):
    between = proxy(tls=authority.certificate())
    outcome = quipu(everything(run_id), server=between, env={"SSL_CERT_FILE": str(authority.file)})
    assert outcome.json["finished"] == "ok" and between.count("put") > 0
    check_everything(server, run_id)


@pytest.mark.parametrize("wrong", ["untrusted", "expired", "future", "other host"])
def test_a_certificate_that_is_not_good_stops_the_upload_and_says_why(server, proxy, authority, quipu, run_id, wrong):
    certificate = {
        "untrusted": authority.certificate(), "expired": authority.certificate("expired", start=-7200, end=-3600),
        "future": authority.certificate("future", start=3600, end=7200),
        "other host": authority.certificate("other", hosts=["DNS:other.example"]),
    }[wrong]
    between = proxy(tls=certificate)
    env = BRIEF if wrong == "untrusted" else {**BRIEF, "SSL_CERT_FILE": str(authority.file)}
    outcome = quipu(everything(run_id), server=between, env=env, timeout=60)
    ended_on_disk(outcome, f"127.0.0.1:{between.port}", "certificate", "SSL_CERT_FILE")
    # Verification is never tried again (reference, 4).
    assert between.count() == 0 and 1 <= between.connections <= 3
    quipu.sync(run_directory(outcome), server=server, directory=outcome.directory)
    check_everything(server, run_id)


def test_verification_can_be_switched_off_on_explicit_wish(server, proxy, authority, quipu, run_id):
    between = proxy(tls=authority.certificate("expired", start=-7200, end=-3600))
    outcome = quipu(everything(run_id), server=between, env={"WANDB_INSECURE_DISABLE_SSL": "true"})
    assert outcome.json["finished"] == "ok"
    check_everything(server, run_id)


def test_a_certificate_that_expires_during_a_run(server, proxy, authority, quipu, run_id):
    between = proxy(tls=authority.certificate("brief", end=4), one_request_each=True)
    process = quipu.start(everything(run_id, rows=1500, pause=0.005), server=between,
                          env={**BRIEF, "SSL_CERT_FILE": str(authority.file)})
    wait_for(lambda: between.handshake_failures or process.poll() is not None, "the certificate expires")
    process.wait(60)
    said = (process.directory / "stderr").read_text() + (process.directory / "stdout").read_text()
    assert process.returncode == 0 and "certificate" in said and "expired" in said, said
    assert 0 < between.count(STREAM) and between.connections < 400
    [log] = [path for path in (process.directory / "wandb").glob("*run-*") if not path.is_symlink()]
    quipu.sync(log, server=server, directory=process.directory)
    check_everything(server, run_id, rows=1500)


def test_a_name_that_does_not_resolve(server, quipu, run_id):
    class Nowhere:
        url, key = "http://nowhere.invalid", server.key

    outcome = quipu(everything(run_id), server=Nowhere, env=BRIEF, timeout=90)
    ended_on_disk(outcome, "nowhere.invalid")
    quipu.sync(run_directory(outcome), server=server, directory=outcome.directory)
    check_everything(server, run_id)


def test_ipv6(server, proxy, quipu, run_id):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    between = proxy(host="::1")
    assert quipu(everything(run_id), server=between).json["finished"] == "ok"
    assert between.count(STREAM) > 0
    check_everything(server, run_id)


# Proxies. The client's environment names them; NO_PROXY="*" of the other tests goes away. A loopback address is reached
# without them unless a setting says otherwise, so the server gets a name that only the proxy knows.

NAME = "server.test"


def through(forward, **more):
    return {"NO_PROXY": None, "HTTP_PROXY": forward.url, "http_proxy": forward.url, "HTTPS_PROXY": forward.url,
            "https_proxy": forward.url, **more}


@pytest.mark.parametrize("how", ["environment", "setting"])
def test_everything_goes_through_a_proxy_with_a_password(server, proxy, quipu, run_id, how):
    between = proxy(name=NAME if how == "environment" else None)
    with ForwardProxy("me", "p@ss:w/rd") as forward:
        env = through(forward) if how == "environment" else {"NO_PROXY": None, "WANDB_HTTP_PROXY": forward.url}
        outcome = quipu(everything(run_id), server=between, env=env)
        assert outcome.json["finished"] == "ok"
        assert forward.seen and all(allowed for _, _, allowed in forward.seen)
        host = between.url.split("//")[1]
        assert all(target.removeprefix("http://").startswith(host) for _, target, _ in forward.seen)
        assert between.count() > 3
    # The server behind never sees what is for the proxy.
    assert not [request for request in between.requests if request.header("Proxy-Authorization")]
    check_everything(server, run_id)


def test_tls_goes_through_a_tunnel_that_shows_the_proxy_no_credentials(server, proxy, authority, quipu, run_id):
    between = proxy(tls=authority.certificate("named", hosts=[f"DNS:{NAME}"]), name=NAME)
    with ForwardProxy("me", "secret-of-the-proxy") as forward:
        outcome = quipu(everything(run_id), server=between, env=through(forward, SSL_CERT_FILE=str(authority.file)))
        assert outcome.json["finished"] == "ok"
        assert {entry[0] for entry in forward.seen} == {"CONNECT"}
        assert not [head for head in forward.heard if b"\nauthorization" in head.lower()]
    check_everything(server, run_id)


def test_a_proxy_that_refuses_the_password_is_named_without_it(server, proxy, quipu, run_id):
    between = proxy(name=NAME)
    with ForwardProxy("me", "right") as forward:
        wrong = forward.url.replace("right", "very-wrong-secret")
        outcome = quipu(everything(run_id), server=between, timeout=60,
                        env={**through(forward), **BRIEF, "HTTP_PROXY": wrong, "http_proxy": wrong})
        ended_on_disk(outcome, f"127.0.0.1:{forward.port}")
        assert "very-wrong-secret" not in outcome.stderr + outcome.stdout
        assert between.count() == 0 and len(forward.seen) <= 40
    quipu.sync(run_directory(outcome), server=server, directory=outcome.directory)
    check_everything(server, run_id)


def test_a_proxy_that_is_gone_is_named(server, proxy, quipu, run_id):
    forward = ForwardProxy()
    forward.close()
    outcome = quipu(everything(run_id), server=proxy(name=NAME), timeout=60, env={**through(forward), **BRIEF})
    ended_on_disk(outcome, f"127.0.0.1:{forward.port}", "proxy")
    quipu.sync(run_directory(outcome), server=server, directory=outcome.directory)
    check_everything(server, run_id)


@pytest.mark.parametrize("exceptions", ["127.0.0.1", "localhost,127.0.0.1", "*"])
def test_no_proxy_leads_past_it(server, proxy, quipu, run_id, exceptions):
    between = proxy()
    with ForwardProxy("me", "secret") as forward:
        env = {"WANDB_HTTP_PROXY": forward.url, "NO_PROXY": exceptions, "no_proxy": exceptions}
        assert quipu(everything(run_id, files=False), server=between, env=env).json["finished"] == "ok"
        assert not forward.seen and not forward.heard
    check_everything(server, run_id, files=False)
