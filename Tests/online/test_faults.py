"""Every fault at every kind of request: no row is lost, none comes twice, nothing hangs, nobody runs in circles, and
the training program does not notice."""


import pytest
from conftest import SEED, run_directory, wait_for
from faults import PUT, STREAM, any_passing_fault, plan
from programs import check_everything, everything
from state import assert_rows

# After these the same request has to be tried again (reference, 5.1).
PASSING = [
    plan.status(408), plan.status(429, retry_after=0.2), plan.status(429), plan.status(500, retry_after=0.1),
    plan.html(502), plan.status(503), plan.status(504), plan.reset_request(0), plan.reset_request(150),
    plan.lost_answer(), plan.reset_answer(12), plan.reset_answer(120), plan.truncated(5), plan.trickle(0.001),
    plan.delay(0.5), plan.skewed_clock(30),
]
KINDS = ["UpsertBucket", STREAM, "CreateRunFiles", PUT, "CreateArtifact", "CreateArtifactFiles", "CommitArtifact"]


def allowed_requests(faults):
    """More requests than these for one run are a loop."""
    return 60 + 10 * faults


# 408 is final for a transfer.
@pytest.mark.parametrize("kind, fault", [
    pytest.param(kind, fault, id=f"{kind}-{fault}") for kind in KINDS for fault in PASSING
    if (kind, fault.status) != (PUT, 408)])
def test_passing_trouble_changes_nothing(server, proxy, quipu, run_id, kind, fault):
    between = proxy(plan.Rule(kind, fault))
    outcome = quipu(everything(run_id), server=between)
    assert outcome.json["finished"] == "ok", outcome.stderr
    assert between.plan.hits == 1, f"there was no {kind}: {between.operations()}"
    check_everything(server, run_id)
    assert between.count() <= allowed_requests(1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_request_fails_again_and_again_and_then_succeeds(server, proxy, quipu, run_id, kind):
    faults = [plan.status(500), plan.status(429, retry_after=0.1), plan.reset_request(30), plan.lost_answer(),
              plan.html(503), plan.truncated(3)]
    between = proxy(*[plan.Rule(kind, fault) for fault in faults])
    outcome = quipu(everything(run_id), server=between)
    assert outcome.json["finished"] == "ok", outcome.stderr
    assert between.faults() == [str(fault) for fault in faults]
    check_everything(server, run_id)
    assert between.count() <= allowed_requests(len(faults))


@pytest.mark.parametrize("kind", ["UpsertBucket", STREAM])
def test_answers_that_are_not_json_do_not_confuse_it(server, proxy, quipu, run_id, kind):
    between = proxy(plan.Rule(kind, plan.malformed()), plan.Rule(kind, plan.empty_answer()))
    outcome = quipu(everything(run_id), server=between)
    assert outcome.json["finished"] == "ok", outcome.stderr
    assert between.plan.hits == 2
    check_everything(server, run_id)


@pytest.mark.parametrize("round_", range(3))
def test_a_storm_of_all_faults_loses_and_doubles_nothing(server, proxy, quipu, run_id, round_):
    seed = SEED * 1000 + round_
    print("seed", seed)
    # 408 is final for a transfer, so files have weather of their own.
    between = proxy(plan.Rule(["UpsertBucket", STREAM, "CreateRunFiles"], any_passing_fault, None, chance=0.35),
                    plan.Rule(PUT, plan.status(503), None, chance=0.3), seed=seed)
    outcome = quipu(everything(run_id, rows=200, pause=0.01), server=between, timeout=120)
    assert outcome.json["finished"] == "ok", outcome.stderr
    assert between.plan.hits > 3
    check_everything(server, run_id, rows=200)


@pytest.mark.parametrize("delivered", [False, True], ids=["unseen", "processed"])
@pytest.mark.parametrize("kind", ["UpsertBucket", STREAM, "CreateRunFiles", PUT])
def test_a_request_that_hangs_is_given_up_and_sent_again(server, proxy, quipu, run_id, kind, delivered):
    between = proxy(plan.Rule(kind, plan.stall(100, delivered)))
    outcome = quipu(everything(run_id), server=between, timeout=60, env={
        "WANDB_X_GRAPHQL_TIMEOUT_SECONDS": "1", "WANDB_X_FILE_STREAM_TIMEOUT_SECONDS": "1",
        "WANDB_X_FILE_TRANSFER_TIMEOUT_SECONDS": "1"})
    assert outcome.json["finished"] == "ok", outcome.stderr
    assert between.plan.hits == 1
    check_everything(server, run_id)


@pytest.mark.parametrize("kind", ["UpsertBucket", STREAM])
def test_retry_after_is_obeyed(proxy, quipu, run_id, kind):
    between = proxy(plan.Rule(kind, plan.status(503, retry_after=1.5)))
    assert quipu(everything(run_id, files=False), server=between).json["finished"] == "ok"
    first, second = between.of(kind)[:2]
    assert first.fault and second.at - first.at >= 1.45


def test_waits_grow_and_requests_stay_few_while_a_server_answers_500(server, proxy, quipu, run_id):
    between = proxy(plan.Rule("*", plan.status(500), None))
    process = quipu.start(everything(run_id, rows=300, pause=0.01, files=False), server=between)
    wait_for(lambda: between.requests and between.requests[-1].at - between.requests[0].at > 3, "three seconds of 500")
    # Waits are 0.05 s, 0.1 s, 0.2 s, 0.4 s, 0.4 s ... here.
    assert between.count() <= 20
    gaps = [after.at - before.at for before, after in zip(between.requests, between.requests[1:])]
    assert max(gaps) <= 2 and max(gaps[4:]) > gaps[0]
    between.plan.clear()
    process.wait(60)
    assert process.returncode == 0
    check_everything(server, run_id, rows=300, files=False)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 410, 413])
def test_a_stream_that_is_refused_for_good_stays_on_disk_and_is_synced_later(server, proxy, quipu, run_id, code):
    between = proxy(plan.Rule(STREAM, plan.status(code), None, skip=1))
    outcome = quipu(everything(run_id, rows=60, pause=0.01, files=False), server=between, env={"WANDB_SILENT": None},
                    timeout=60)
    # Refused once, and not again (reference, 10.7).
    assert len([request for request in between.of(STREAM) if request.fault]) == 1
    said = outcome.stderr + outcome.json["finished"]
    assert str(code) in said and "sync" in said, said
    assert_nothing_is_hidden(outcome)
    between.plan.clear()
    quipu.sync(run_directory(outcome), server=between, directory=outcome.directory)
    check_everything(server, run_id, rows=60, files=False)


def assert_nothing_is_hidden(outcome):
    assert outcome.returncode == 0 and "Traceback" not in outcome.stderr


@pytest.mark.parametrize("code", [403, 404])
def test_a_file_that_is_refused_is_said_and_left_out(server, proxy, quipu, run_id, code):
    mine = lambda request: request.kind == PUT and b"payload" in request.body  # noqa: E731
    between = proxy(plan.Rule(mine, plan.status(code), None))
    outcome = quipu(everything(run_id), server=between, env={"WANDB_SILENT": None})
    assert "saved.txt" in outcome.stderr
    assert_rows(server, "online", run_id, 30)
    assert server.run("online", run_id, "state")["state"] == "finished"
    told = [name for body in between.streams() for name in body.get("uploaded", [])]
    assert "saved.txt" not in told and "config.yaml" in told


def test_an_expired_url_is_replaced_by_a_new_one(server, proxy, quipu, run_id):
    mine = lambda request: request.kind == PUT and b"payload" in request.body  # noqa: E731
    between = proxy(plan.Rule(mine, plan.status(403)))
    assert quipu(everything(run_id), server=between).json["finished"] == "ok"
    check_everything(server, run_id)


@pytest.mark.parametrize("kind", ["CreateRunFiles", "CreateArtifact", "CommitArtifact"])
@pytest.mark.parametrize("fault", [plan.status(400), plan.answer(200, {"errors": [{"message": "no such thing"}]},
                                                                  what="errors")], ids=str)
def test_what_is_refused_beside_the_stream_does_not_hold_up_the_rows(server, proxy, quipu, run_id, kind, fault):
    between = proxy(plan.Rule(kind, fault, None))
    outcome = quipu(everything(run_id), server=between, env={"WANDB_SILENT": None})
    assert_rows(server, "online", run_id, 30)
    assert server.run("online", run_id, "state")["state"] == "finished"
    assert ("no such thing" if str(fault) == "errors" else "injected 400") in outcome.stderr
    # A batch of names is asked for in halves, to find the one that is refused.
    assert between.count(kind) <= (20 if kind == "CreateRunFiles" else 4)


def test_a_redirect_leads_no_credentials_to_another_host(server, proxy, start_server, quipu, run_id):
    elsewhere = proxy(name="localhost")
    between = proxy(plan.Rule(["UpsertBucket", STREAM], plan.redirect(elsewhere.url + "/graphql"), None))
    outcome = quipu(everything(run_id, files=False), server=between, timeout=60,
                    env={"WANDB_SILENT": None, "WANDB_FINISH_TIMEOUT": "3"})
    assert not [request for request in elsewhere.requests if request.header("Authorization")]
    assert between.count() <= 20
    assert "307" in outcome.stderr or "redirect" in outcome.stderr, outcome.stderr
    quipu.sync(run_directory(outcome), server=server, directory=outcome.directory)
    check_everything(server, run_id, files=False)


def test_an_outage_in_the_middle_of_a_run_is_made_good(server, proxy, quipu, run_id):
    between = proxy()
    process = quipu.start(everything(run_id, rows=300, pause=0.01), server=between, env={"WANDB_SILENT": None})
    wait_for(lambda: between.count(STREAM) >= 2, "rows arrive")
    between.down()
    wait_for(lambda: "server" in (process.directory / "stderr").read_text(), "the outage is said")
    between.up()
    process.wait(60)
    assert process.returncode == 0, (process.directory / "stderr").read_text()
    check_everything(server, run_id, rows=300)


@pytest.mark.parametrize("sigkill", [False, True], ids=["orderly", "killed"])
def test_a_server_that_restarts_in_the_middle_of_a_run(start_server, proxy, quipu, run_id, sigkill):
    server = start_server()
    between = proxy(server=server)
    process = quipu.start(everything(run_id, rows=400, pause=0.01), server=between)
    for count in (2, 5):
        wait_for(lambda: between.count(STREAM) >= count, "rows arrive")
        server.restart(sigkill=sigkill)
    process.wait(60)
    assert process.returncode == 0, (process.directory / "stderr").read_text()
    check_everything(server, run_id, rows=400)


def test_a_server_that_is_gone_to_the_end_leaves_a_run_that_can_be_synced(server, proxy, quipu, run_id):
    between = proxy()
    between.down()
    outcome = quipu(everything(run_id), server=between, timeout=60,
                    env={"WANDB_SILENT": None, "WANDB_FINISH_TIMEOUT": "1"})
    said = outcome.stderr + outcome.json["finished"]
    assert f"{between.host}:{between.port}" in said and "quipu sync" in said, said
    assert outcome.json["finish"] < 20
    between.up()
    quipu.sync(run_directory(outcome), server=between, directory=outcome.directory)
    check_everything(server, run_id)


@pytest.mark.parametrize("trouble", ["hangs", "500", "gone"])
def test_calls_cost_nothing_while_the_server_is_in_trouble(proxy, quipu, run_id, trouble):
    between = proxy()
    if trouble == "gone":
        between.down()
    else:
        between.plan.add("*", plan.stall(600) if trouble == "hangs" else plan.status(500), None)
    outcome = quipu(everything(run_id, rows=2000, pause=0, files=False), server=between, timeout=60,
                    env={"WANDB_FINISH_TIMEOUT": "1"})
    # No call waits for the network: far less than any timeout of it, on a busy machine too.
    assert outcome.json["start"] < 5 and outcome.json["slowest"] < 2 and outcome.json["finish"] < 20, outcome.json


def test_a_slow_server_does_not_hold_up_the_start(server, proxy, quipu, run_id):
    between = proxy(plan.Rule("*", plan.delay(3), 2))
    outcome = quipu(everything(run_id, files=False), server=between)
    assert outcome.json["start"] < 2.5 and outcome.json["finished"] == "ok"
    check_everything(server, run_id, files=False)
