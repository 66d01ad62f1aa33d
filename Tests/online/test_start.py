"""Starts that go wrong: whatever the server says, a run is recorded, the person is told, and a later sync sends it."""

import pytest
from conftest import run_directory
from faults import STREAM, plan
from programs import check_everything, everything, fill

REFUSALS = [
    plan.status(400), plan.status(401), plan.status(403), plan.status(404), plan.status(410),
    plan.answer(200, {"errors": [{"message": "entity is archived"}], "data": None}, what="errors"),
]
TALK = {"WANDB_SILENT": None}


def recorded_and_synced_later(quipu, server, outcome, run_id):
    assert outcome.returncode == 0 and "Traceback" not in outcome.stderr
    quipu.sync(run_directory(outcome), server=server, directory=outcome.directory)
    check_everything(server, run_id)


@pytest.mark.parametrize("fault", REFUSALS, ids=str)
def test_a_refused_start_goes_on_offline_and_says_so(server, proxy, quipu, run_id, fault):
    between = proxy(plan.Rule("UpsertBucket", fault, None))
    outcome = quipu(everything(run_id), server=between, env=TALK, timeout=60)
    assert between.count("UpsertBucket") == 1 and between.count(STREAM) == 0
    assert ("entity is archived" if str(fault) == "errors" else str(fault.status)) in outcome.stderr
    assert "quipu sync" in outcome.stderr
    recorded_and_synced_later(quipu, server, outcome, run_id)


def test_a_wrong_key_goes_on_offline_and_says_so(server, proxy, quipu, run_id):
    between = proxy()
    outcome = quipu(everything(run_id), server=between, env={**TALK, "WANDB_API_KEY": "local-" + "x" * 40}, timeout=60)
    assert "401" in outcome.stderr or "key" in outcome.stderr
    assert "x" * 40 not in outcome.stderr + outcome.stdout
    assert between.count(STREAM) == 0 and between.count() <= 4
    recorded_and_synced_later(quipu, server, outcome, run_id)


def test_without_a_key_it_goes_on_offline_and_says_how_to_log_in(server, proxy, quipu, run_id):
    between = proxy()
    outcome = quipu(everything(run_id), server=between, env={**TALK, "WANDB_API_KEY": None}, timeout=60)
    assert "login" in outcome.stderr and "WANDB_API_KEY" in outcome.stderr
    assert between.count() == 0
    recorded_and_synced_later(quipu, server, outcome, run_id)


@pytest.mark.parametrize("key", ["short", "x" * 39, "has space" + "x" * 40, "local-short"])
def test_a_key_that_cannot_be_one_is_never_sent(server, proxy, quipu, run_id, key):
    between = proxy()
    outcome = quipu(everything(run_id), server=between, env={**TALK, "WANDB_API_KEY": key}, timeout=60)
    assert between.count() == 0
    assert outcome.stderr.strip()
    recorded_and_synced_later(quipu, server, outcome, run_id)


MUST = """
import json, time
import wandb
began = time.monotonic()
try:
    wandb.init(project="online", id=ID, resume="must", settings=wandb.Settings(init_timeout=2))
    found = "started"
except BaseException as problem:
    found = f"{type(problem).__name__}: {problem}"
print(json.dumps({"found": found, "seconds": time.monotonic() - began}))
"""


@pytest.mark.parametrize("trouble", ["gone", "hangs", "503", "401", "missing"])
def test_a_resume_that_needs_an_answer_fails_clearly_and_in_time(proxy, quipu, run_id, trouble):
    between = proxy()
    if trouble == "gone":
        between.down()
    elif trouble != "missing":
        faults = {"hangs": plan.stall(600), "503": plan.status(503), "401": plan.status(401)}
        between.plan.add("*", faults[trouble], None)
    outcome = quipu(fill(MUST, ID=run_id), server=between, timeout=60)
    assert outcome.json["found"] != "started" and outcome.json["seconds"] < 30
    expected = {"gone": str(between.port), "hangs": str(between.port), "503": "503", "401": "401", "missing": run_id}
    assert expected[trouble] in outcome.json["found"], outcome.json


def test_the_log_and_the_url_are_there_before_the_server_has_answered(server, proxy, quipu, run_id):
    between = proxy(plan.Rule("*", plan.delay(2), 3))
    outcome = quipu(everything(run_id, files=False), server=between, env=TALK)
    assert outcome.json["finished"] == "ok"
    assert outcome.stderr.count(f"/local/online/runs/{run_id}") >= 1
    check_everything(server, run_id, files=False)
