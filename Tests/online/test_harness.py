"""The proxy and the certificates themselves: a fault that does not happen would make every other test worthless."""

import http.client
import json
import socket
import ssl
import time

import pytest
from conftest import SEED, wait_for
from faults import FaultProxy, ForwardProxy, Plan, any_passing_fault, kind_of, plan
from server_fixtures import basic

VIEWER = json.dumps({"query": "query Viewer { viewer { username } }", "operationName": "Viewer"})


def ask(target, body=VIEWER, timeout=5, path="/graphql", method="POST", context=None, host=None):
    """(status, headers, body) of one request."""
    kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
    options = {"context": context} if context else {}
    connection = kind(host or target.host, target.port, timeout=timeout, **options)
    try:
        connection.request(method, path, body, {"Authorization": basic(target.key), "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def works(target, **options):
    status, _, body = ask(target, **options)
    return status == 200 and json.loads(body)["data"]["viewer"]["username"] == "local"


def test_lets_requests_through_and_records_them(proxy):
    between = proxy()
    assert works(between)
    [request] = between.requests
    assert (request.kind, request.method, request.path, request.status, request.processed, request.fault) == (
        "Viewer", "POST", "/graphql", 200, 200, None)
    assert request.json["operationName"] == "Viewer" and request.header("authorization").startswith("Basic ")
    assert between.count("Viewer") == between.count() == 1 and request.size == between.bytes_received > len(VIEWER)


@pytest.mark.parametrize("code", [401, 403, 404, 408, 409, 410, 413, 429, 500, 502, 503, 504])
def test_answers_with_a_status_and_hides_the_request_from_the_server(proxy, code):
    between = proxy(plan.Rule("Viewer", plan.status(code, retry_after=7)))
    status, headers, body = ask(between)
    assert (status, headers["Retry-After"]) == (code, "7") and json.loads(body)["errors"]
    assert between.requests[0].processed is None
    assert works(between)


@pytest.mark.parametrize("fault, processed, failure", [
    (plan.reset_request(0), None, ConnectionError), (plan.reset_request(20), None, ConnectionError),
    (plan.reset_request(100_000), None, ConnectionError), (plan.lost_answer(), 200, ConnectionError),
    (plan.reset_answer(10), 200, (ConnectionError, http.client.HTTPException)),
    (plan.reset_answer(150), 200, (ConnectionError, http.client.HTTPException)),
    (plan.truncated(3), 200, http.client.IncompleteRead), (plan.stall(30), None, TimeoutError),
    (plan.stall(30, delivered=True), 200, TimeoutError),
], ids=str)
def test_breaks_a_connection_where_it_was_told_to(proxy, fault, processed, failure):
    between = proxy(plan.Rule("Viewer", fault))
    with pytest.raises(failure):
        ask(between, timeout=0.5)
    assert [(request.processed, request.fault) for request in between.requests] == [(processed, str(fault))]
    assert works(between)


def test_cuts_a_large_body_in_its_middle(proxy):
    between = proxy(plan.Rule("put", plan.reset_request(5000)))
    with pytest.raises(OSError):
        ask(between, "x" * 30_000_000, path="/files/local/p/r/large.bin", method="PUT")
    [request] = between.requests
    assert len(request.body) < 5000 and request.processed is None


def test_spoils_answers_without_breaking_the_connection(proxy):
    between = proxy(*[plan.Rule("Viewer", fault) for fault in (
        plan.malformed(), plan.empty_answer(), plan.skewed_clock(-50), plan.redirect("http://other.invalid/"))])
    with pytest.raises(ValueError):
        json.loads(ask(between)[2])
    assert ask(between)[2] == b""
    assert ask(between)[1]["Date"] not in (None, "") and between.requests[2].processed == 200
    assert ask(between)[0] == 307
    assert works(between)


def test_a_trickle_is_slow_and_complete(proxy):
    between = proxy(plan.Rule("Viewer", plan.trickle(0.001)))
    began = time.monotonic()
    assert works(between)
    assert time.monotonic() - began > 0.1


def test_rules_skip_repeat_and_leave_others_alone(proxy):
    between = proxy(plan.Rule("Viewer", plan.status(500), times=2, skip=1), plan.Rule("other", plan.status(503), None))
    assert [ask(between)[0] for _ in range(4)] == [200, 500, 500, 200]
    assert between.faults() == ["status 500"] * 2 and between.plan.hits == 2


def test_a_plan_by_chance_is_the_same_for_the_same_seed(proxy):
    def outcomes(seed):
        between = proxy(plan.Rule("Viewer", any_passing_fault, None, chance=0.5), seed=seed)
        for _ in range(30):
            try:
                ask(between, timeout=5)
            except (OSError, http.client.HTTPException):
                pass
        return [request.fault for request in between.requests]

    first = outcomes(SEED)
    assert first == outcomes(SEED) and 5 < len([fault for fault in first if fault]) < 25
    assert first != outcomes(SEED + 1)


def test_going_down_refuses_connections_and_coming_up_takes_them_on_the_same_port(proxy):
    between = proxy()
    held = socket.create_connection((between.host, between.port))
    assert works(between)
    between.down()
    held.settimeout(5)
    try:
        assert held.recv(1) == b""
    except ConnectionResetError:
        pass
    with pytest.raises(ConnectionRefusedError):
        ask(between)
    between.up()
    assert works(between)
    between.reset_connections(1)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(between)
    assert works(between)


def test_a_dead_server_looks_dead(start_server, proxy):
    server = start_server()
    between = proxy(server=server)
    assert works(between)
    server.kill()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(between)
    server.start()
    assert works(between)


def test_kinds_of_requests():
    assert kind_of("POST", "/graphql", b'{"query": "mutation UpsertBucket($a: Int) { x }"}') == "UpsertBucket"
    assert kind_of("POST", "/graphql", b'{"query": "{ viewer { id } }", "operationName": ""}') == "graphql"
    assert kind_of("POST", "/prefix/graphql", VIEWER.encode()) == "Viewer"
    assert kind_of("POST", "/files/a/b/c/file_stream", b"{}") == "file_stream"
    assert kind_of("PUT", "/storage/x?signature=1", b"") == "put"
    assert kind_of("POST", "/sdk/otel/v1/metrics", b"") == "telemetry"


def test_certificates_are_what_they_say(authority, proxy):
    trusting = ssl.create_default_context(cafile=authority.file)
    good = proxy(tls=authority.certificate())
    assert works(good, context=trusting)
    for certificate, says in [
            (authority.certificate("expired", start=-7200, end=-3600), "expired"),
            (authority.certificate("future", start=3600, end=7200), "not yet valid"),
            (authority.certificate("other", hosts=["DNS:other.example"]), "IP address mismatch")]:
        with pytest.raises(ssl.SSLCertVerificationError, match=says):
            ask(proxy(tls=certificate), context=trusting)
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer|self-signed"):
        ask(good, context=ssl.create_default_context())
    wait_for(lambda: good.handshake_failures, "the failed handshake is noted")


def test_listens_on_ipv6(proxy):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    between = proxy(host="::1")
    assert works(between) and between.url.startswith("http://[::1]:")


def test_the_forward_proxy_wants_its_password(server):
    with ForwardProxy("me", "se:cret@") as forward:
        for authorization, expected in [
                ("", 407), (basic_proxy("me", "wrong"), 407), (basic_proxy("me", "se:cret@"), 200)]:
            connection = http.client.HTTPConnection("127.0.0.1", forward.port, timeout=5)
            connection.request("POST", server.url + "/graphql", VIEWER, {
                "Authorization": basic(server.key), "Content-Type": "application/json",
                **({"Proxy-Authorization": authorization} if authorization else {})})
            assert connection.getresponse().status == expected
            connection.close()
        assert [entry[2] for entry in forward.seen] == [False, False, True]
        tunnel = http.client.HTTPConnection("127.0.0.1", forward.port, timeout=5)
        tunnel.set_tunnel(server.host, server.port, {"Proxy-Authorization": basic_proxy("me", "se:cret@")})
        tunnel.request("POST", "/graphql", VIEWER, {"Authorization": basic(server.key)})
        assert tunnel.getresponse().status == 200
        tunnel.close()
        assert forward.seen[-1] == ("CONNECT", f"{server.host}:{server.port}", True)


def basic_proxy(user, password):
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
