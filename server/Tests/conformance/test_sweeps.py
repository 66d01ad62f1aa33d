"""Sweeps with the official client's agents: grids, random and Bayesian search, several agents, and every way to end.

Agents of functions ask every 5 s; their class says that tests may shorten that. Command-line agents cannot be hurried.
"""

import json
import math
import textwrap
import threading

import pytest
import yaml
from conftest import wait_for

TRAIN = """
import wandb
run = wandb.init()
cfg = run.config
run.log({"loss": (cfg.lr - 0.1) ** 2 + cfg.layers * 0.01})
run.finish()
"""

# Runs a function agent until the sweep ends or `COUNT` runs are done; prints what its runs saw.
AGENT = """
import json, os, wandb
from wandb.agents import pyagent
pyagent.Agent.HEARTBEAT_SLEEP_SECONDS = 0.2
seen = []
def train():
    with wandb.init(settings=wandb.Settings(x_disable_stats=True)) as run:
        config = {key: run.config[key] for key in run.config.keys()}
        seen.append([run.id, config])
        run.log({"loss": %s})
wandb.agent(os.environ["SWEEP"], function=train, count=int(os.environ.get("COUNT") or 0) or None)
print(json.dumps(seen))
"""


class Agent:
    """An agent of our own, for what the client's agents would take minutes for."""

    def __init__(self, server, project, sweep):
        self.server, self.project = server, project
        data = server.graphql(
            "mutation M($i: CreateAgentInput!) { createAgent(input: $i) { agent { id name } } }",
            {"i": {"host": "h", "projectName": project, "sweep": sweep}})
        self.id = data["createAgent"]["agent"]["id"]
        self.name = data["createAgent"]["agent"]["name"]

    def beat(self, *running, **state):
        data = self.server.graphql(
            "mutation M($i: AgentHeartbeatInput!) { agentHeartbeat(input: $i) { agent { id } commands } }",
            {"i": {"id": self.id, "metrics": "{}", "runState": json.dumps({**{run: True for run in running}, **state})}})
        return json.loads(data["agentHeartbeat"]["commands"])

    def take(self):
        """The run that it is told to start: its id and the values of the parameters."""
        (command,) = self.beat()
        assert command["type"] == "run", command
        return command["run_id"], {key: value["value"] for key, value in command["args"].items()}

    def work(self, loss):
        """Takes a run and finishes it with `loss(**values)`."""
        run, values = self.take()
        assert self.server.upsert(self.project, run)["inserted"] is False
        finish(self.server, self.project, run, loss(**values))
        return values


def finish(server, project, run, loss=None, exitcode=0):
    summary = {} if loss is None else {"loss": loss}
    server.stream("local", project, run, {
        "files": {"wandb-summary.json": {"offset": 0, "content": [json.dumps(summary)]}},
        "complete": True, "exitcode": exitcode})


def upsert(server, key=..., **fields):
    """The answer to upsertSweep as it is, errors too."""
    if isinstance(fields.get("config"), dict):
        fields["config"] = yaml.safe_dump(fields["config"])
    status, _, body = server.request("POST", "/graphql", {
        "query": "mutation M($i: UpsertSweepInput!) { upsertSweep(input: $i) {"
                 " sweep { id name state } configValidationWarnings } }", "variables": {"i": fields}}, key=key)
    return json.loads(body)


def make(server, project, **config):
    config.setdefault("metric", {"name": "loss", "goal": "minimize"})
    answer = upsert(server, config=config, projectName=project)
    assert "errors" not in answer, answer
    return answer["data"]["upsertSweep"]["sweep"]["name"]


def sweep_of(server, project, name, fields="id name state runCount runCountExpected bestLoss method displayName"):
    data = server.graphql(
        "query Q($p: String!, $s: String!) { project(name: $p, entityName: \"local\") { sweep(sweepName: $s) { %s } } }"
        % fields, {"p": project, "s": name})
    return data["project"]["sweep"]


def runs_of(server, project, name):
    fields = "runs { edges { node { name state config summaryMetrics sweepName } } }"
    return [edge["node"] for edge in sweep_of(server, project, name, fields)["runs"]["edges"]]


def newest(server, project):
    data = server.graphql(
        "query Q($p: String!) { project(name: $p, entityName: \"local\") { sweeps(first: 1) { edges { node { name } } } } }",
        {"p": project})
    return data["project"]["sweeps"]["edges"][0]["node"]["name"]


def set_state(server, project, name, state):
    answer = upsert(server, id=sweep_of(server, project, name)["id"], state=state)
    assert "errors" not in answer, answer


def values(run):
    return {key: value["value"] for key, value in json.loads(run["config"]).items() if key != "_wandb"}


# With the client's own agents


def test_command_line(server, run_client, tmp_path):
    """`wandb sweep`, `wandb agent`, pause, resume and cancel."""
    project = "sweep-cli"
    directory = tmp_path / "cli"
    directory.mkdir()
    (directory / "train.py").write_text(TRAIN)
    (directory / "sweep.yaml").write_text(textwrap.dedent("""
        program: train.py
        method: grid
        name: grid-search
        description: two runs
        metric:
          name: loss
          goal: minimize
        parameters:
          lr:
            values: [0.1, 0.2]
          layers:
            value: 2
        """))

    def cli(*arguments):
        return run_client.cli(*arguments, directory=directory)

    cli("sweep", "--project", project, "sweep.yaml")
    name = newest(server, project)
    sweep = sweep_of(server, project, name, "state method displayName description config runCountExpected")
    assert sweep["state"] == "PENDING" and sweep["method"] == "grid"
    assert sweep["displayName"] == "grid-search" and sweep["description"] == "two runs"
    assert yaml.safe_load(sweep["config"])["parameters"]["lr"] == {"values": [0.1, 0.2]}
    assert sweep["runCountExpected"] == 2

    path = f"local/{project}/{name}"
    cli("agent", "--count", "1", path)
    assert sweep_of(server, project, name)["state"] == "RUNNING"
    cli("sweep", "--pause", path)
    assert sweep_of(server, project, name)["state"] == "PAUSED"
    assert Agent(server, project, name).beat() == []
    cli("sweep", "--resume", path)
    cli("agent", path)

    runs = runs_of(server, project, name)
    assert [values(run) for run in runs] == [{"layers": 2, "lr": 0.1}, {"layers": 2, "lr": 0.2}]
    assert all(run["state"] == "finished" and run["sweepName"] == name for run in runs)
    sweep = sweep_of(server, project, name)
    assert sweep["state"] == "FINISHED" and sweep["runCount"] == 2 and math.isclose(sweep["bestLoss"], 0.02)

    cli("sweep", "--project", project, "--name", "second", "sweep.yaml")
    second = newest(server, project)
    cli("sweep", "--cancel", f"local/{project}/{second}")
    assert sweep_of(server, project, second)["state"] == "CANCELED" and runs_of(server, project, second) == []


def test_function(server, run_client):
    """`wandb.sweep` and `wandb.agent` in one program."""
    project = "sweep-function"
    outcome = run_client(f"""
import json, wandb
from wandb.agents import pyagent
pyagent.Agent.HEARTBEAT_SLEEP_SECONDS = 0.2
def train():
    with wandb.init() as run:
        run.log({{"loss": run.config.lr}})
sweep = wandb.sweep({{"method": "grid", "metric": {{"name": "loss", "goal": "minimize"}},
                      "parameters": {{"lr": {{"values": [1, 2, 3]}}}}}}, project="{project}")
wandb.agent(sweep, function=train, project="{project}", count=2)
print(json.dumps(sweep))
""")
    runs = runs_of(server, project, outcome.json)
    assert [(values(run), run["state"]) for run in runs] == [({"lr": 1}, "finished"), ({"lr": 2}, "finished")]
    assert sweep_of(server, project, outcome.json)["state"] == "RUNNING"


def test_two_agents_share_a_grid(server, run_client):
    project = "sweep-two"
    name = make(server, project, method="grid", parameters={
        "a": {"values": [1, 2, 3]}, "b": {"values": ["x", "y"]}, "c": {"min": 5, "max": 6}})
    agents = [run_client.start(AGENT % "config['a']", env={"SWEEP": f"local/{project}/{name}"}) for _ in range(2)]
    for agent in agents:
        assert agent.wait(180) == 0, (agent.directory / "stderr").read_text()[-3000:]
    seen = [json.loads((agent.directory / "stdout").read_text().strip().splitlines()[-1]) for agent in agents]
    assert all(seen), "one agent did everything"
    points = sorted((config["a"], config["b"], config["c"]) for each in seen for _, config in each)
    assert points == sorted((a, b, c) for a in (1, 2, 3) for b in "xy" for c in (5, 6))
    runs = runs_of(server, project, name)
    assert len(runs) == 12 and all(run["state"] == "finished" for run in runs)
    assert sorted(run["name"] for run in runs) == sorted(run for each in seen for run, _ in each)
    sweep = sweep_of(server, project, name)
    assert sweep["state"] == "FINISHED" and sweep["runCount"] == 12 and sweep["bestLoss"] == 1


def test_nested_parameters_reach_the_program(server, run_client):
    project = "sweep-nested"
    name = make(server, project, method="random", run_cap=2, parameters={
        "opt": {"parameters": {"lr": {"min": 0.1, "max": 0.2}, "deep": {"parameters": {"n": {"values": [7]}}}}},
        "plain": {"value": None}})
    outcome = run_client(AGENT % "config['opt']['lr']", env={"SWEEP": f"local/{project}/{name}"})
    assert len(outcome.json) == 2
    for _, config in outcome.json:
        assert 0.1 <= config["opt"]["lr"] <= 0.2 and config["opt"]["deep"] == {"n": 7} and config["plain"] is None
    assert sweep_of(server, project, name)["state"] == "FINISHED"


def test_fifty_random_runs(server, run_client):
    project = "sweep-random"
    name = make(server, project, method="random", run_cap=50, parameters={
        "lr": {"min": 1e-5, "max": 1e-1, "distribution": "log_uniform_values"},
        "n": {"min": 1, "max": 4}, "kind": {"values": ["a", "b"], "probabilities": [0.8, 0.2]},
        "q": {"distribution": "q_uniform", "min": 0, "max": 10, "q": 5}, "z": {"distribution": "normal", "mu": 100}})
    agents = [run_client.start(AGENT % "1", env={"SWEEP": f"local/{project}/{name}"}) for _ in range(3)]
    for agent in agents:
        assert agent.wait(400) == 0, (agent.directory / "stderr").read_text()[-3000:]
    seen = [values(run) for run in runs_of(server, project, name)]
    assert len(seen) == 50 and len({one["lr"] for one in seen}) == 50
    assert all(1e-5 <= one["lr"] <= 1e-1 for one in seen)
    # Half of the runs lie below the geometric mean; 10 or fewer of 50 do once in a hundred thousand times.
    assert 10 < sum(one["lr"] < 1e-3 for one in seen) < 40
    assert {one["n"] for one in seen} == {1, 2, 3, 4} and {one["q"] for one in seen} == {0, 5, 10}
    assert 25 < sum(one["kind"] == "a" for one in seen) < 50
    assert abs(sum(one["z"] for one in seen) / 50 - 100) < 0.8


LONG = """
import time, wandb
run = wandb.init(settings=wandb.Settings(x_disable_stats=True))
run.log({"loss": 1})
print("BEGUN", flush=True)
for _ in range(600):
    time.sleep(0.1)
run.finish()
"""


def begin_long_run(server, run_client, tmp_path, project):
    directory = tmp_path / "long"
    directory.mkdir()
    (directory / "train.py").write_text(LONG)
    name = make(server, project, method="grid", program="train.py", parameters={"a": {"values": [1, 2]}})
    agent = run_client.start(["agent", f"local/{project}/{name}"], directory=directory)
    wait_for(lambda: [run for run in runs_of(server, project, name) if run["state"] == "running"], "a run", 60)
    return name, agent


def test_cancel_ends_the_run(server, run_client, tmp_path):
    project = "sweep-cancel"
    name, agent = begin_long_run(server, run_client, tmp_path, project)
    set_state(server, project, name, "CANCELED")
    assert agent.wait(60) == 0
    assert len(runs_of(server, project, name)) == 1
    wait_for(lambda: runs_of(server, project, name)[0]["state"] != "running", "the run's end")


def test_stopped_run_makes_room_for_the_next(server, run_client, tmp_path):
    project = "sweep-stop-run"
    name, agent = begin_long_run(server, run_client, tmp_path, project)
    first = runs_of(server, project, name)[0]["name"]
    server.api().run(f"local/{project}/{first}").stop()
    wait_for(lambda: len(runs_of(server, project, name)) == 2, "the next run", 60)
    set_state(server, project, name, "CANCELED")
    assert agent.wait(90) == 0


def test_public_api(server, run_client):
    project = "sweep-api"
    name = make(server, project, method="grid", name="api-sweep", parameters={"lr": {"values": [3, 1, 2]}})
    other = make(server, project, method="random", parameters={"lr": {"min": 0.0, "max": 1.0}})
    run_client(AGENT % "config['lr']", env={"SWEEP": f"local/{project}/{name}"})
    api = server.api()
    sweep = api.sweep(f"local/{project}/{name}")
    assert sweep.name == "api-sweep" and sweep.state == "FINISHED" and sweep.expected_run_count == 3
    assert sweep.config["parameters"]["lr"] == {"values": [3, 1, 2]}
    assert [run.config["lr"] for run in sweep.runs] == [3, 1, 2]
    best = sweep.best_run()
    assert best.config["lr"] == 1 and best.sweep.id == name and best.sweep_name == name
    sweeps = api.project(project, "local").sweeps()
    assert [one.id for one in sweeps] == [other, name] and len(sweeps) == 2
    agents = list(sweep.agents())
    assert len(agents) == 1 and agents[0].total_runs == 3
    assert sorted(run.id for run in agents[0].runs()) == sorted(run.id for run in sweep.runs)
    assert sweep.agent(agents[0].name).id == agents[0].id
    with pytest.raises(Exception):
        api.sweep(f"local/{project}/nothere")


def test_program_of_a_bayesian_sweep(server, run_client):
    project = "sweep-bayes-client"
    name = make(server, project, method="bayes", run_cap=8, parameters={
        "x": {"min": 0.0, "max": 1.0}, "kind": {"values": ["a", "b"]}})
    outcome = run_client(AGENT % "(config['x'] - 0.3) ** 2", env={"SWEEP": f"local/{project}/{name}"})
    assert len(outcome.json) == 8 and len({config["x"] for _, config in outcome.json}) == 8


# With agents of our own


def test_bayesian_search_closes_in(server):
    project = "sweep-bayes"
    name = make(server, project, method="bayes", parameters={"x": {"min": -5.0, "max": 5.0}, "y": {"min": -5.0, "max": 5.0}})
    agent = Agent(server, project, name)
    losses = []

    def loss(x, y):
        losses.append((x - 1) ** 2 + (y + 2) ** 2)
        return losses[-1]

    for _ in range(25):
        agent.work(loss)
    # Of 25 random points the best is worse than 0.2 in six of seven cases; of 20 seeds this search's worst was 0.02.
    assert min(losses) < 0.2
    assert math.isclose(sweep_of(server, project, name)["bestLoss"], min(losses))


def test_eight_agents_at_once_get_each_point_once(server):
    project = "sweep-eight"
    name = make(server, project, method="grid", parameters={"a": {"min": 1, "max": 10}, "b": {"min": 1, "max": 10}})
    got, failures = [], []

    def work():
        try:
            agent = Agent(server, project, name)
            while True:
                (command,) = agent.beat() or [None]
                if command is None:
                    continue
                if command["type"] == "exit":
                    return
                got.append(tuple(command["args"][key]["value"] for key in "ab"))
                finish(server, project, command["run_id"], 1)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures and sorted(got) == [(a, b) for a in range(1, 11) for b in range(1, 11)]
    assert sweep_of(server, project, name)["state"] == "FINISHED"


def test_grid_order_and_the_run_record(server):
    project = "sweep-order"
    name = make(server, project, method="grid", program="t.py", parameters={
        "b": {"values": [1, 2]}, "a": {"values": ["x", "y"]}})
    agent = Agent(server, project, name)
    (command,) = agent.beat()
    assert command["program"] == "t.py" and command["args"] == {"a": {"value": "x"}, "b": {"value": 1}}
    run = server.run(project, command["run_id"], "state sweepName config displayName")
    assert run["state"] == "pending" and run["sweepName"] == name and run["displayName"].endswith("-sweep-1")
    assert json.loads(run["config"]) == command["args"]
    assert server.upsert(project, command["run_id"], sweep=name)["inserted"] is False
    assert server.run(project, command["run_id"], "state")["state"] == "running"
    assert agent.beat(command["run_id"]) == [], "an agent with a run gets no other"
    finish(server, project, command["run_id"], 1)
    rest = [agent.work(lambda **_: 1) for _ in range(3)]
    assert rest == [{"a": "x", "b": 2}, {"a": "y", "b": 1}, {"a": "y", "b": 2}]
    assert agent.beat() == [{"type": "exit"}]
    assert server.api().runs(f"local/{project}", filters={"sweep": name})[0].id == command["run_id"]


def test_grid_waits_for_runs_of_others(server):
    project = "sweep-wait"
    name = make(server, project, method="grid", parameters={"a": {"values": [1]}})
    one, two = Agent(server, project, name), Agent(server, project, name)
    run, _ = one.take()
    assert two.beat() == [] and sweep_of(server, project, name)["state"] == "RUNNING"
    finish(server, project, run, 1)
    assert sweep_of(server, project, name)["state"] == "FINISHED"
    assert two.beat() == [{"type": "exit"}] and one.beat() == [{"type": "exit"}]


def test_states(server):
    project = "sweep-states"
    name = make(server, project, method="random", parameters={"a": {"min": 0.0, "max": 1.0}})
    assert sweep_of(server, project, name)["state"] == "PENDING"
    agent = Agent(server, project, name)
    assert sweep_of(server, project, name)["state"] == "RUNNING"
    run, _ = agent.take()
    server.upsert(project, run)
    set_state(server, project, name, "PAUSED")
    assert agent.beat(run) == [] and Agent(server, project, name).beat() == []
    set_state(server, project, name, "RUNNING")
    second = Agent(server, project, name)
    assert second.take()[0] != run
    set_state(server, project, name, "FINISHED")
    assert agent.beat(run) == [], "a stopped sweep lets its runs end"
    finish(server, project, run, 1)
    assert agent.beat() == [{"type": "exit"}]
    for state in ("PAUSED", "PENDING", "DONE"):
        assert "errors" in upsert(server, id=sweep_of(server, project, name)["id"], state=state)
    set_state(server, project, name, "RUNNING")
    run, _ = agent.take()
    server.upsert(project, run)
    pending, _ = second.take()
    set_state(server, project, name, "CANCELED")
    assert server.run(project, pending, "state")["state"] == "killed"
    assert agent.beat(run) == [{"type": "stop", "run_id": run}] * 1
    assert agent.beat(run) == [{"type": "stop", "run_id": run}], "until it is gone"
    assert agent.beat(**{run: False}) == [{"type": "exit"}] and second.beat() == [{"type": "exit"}]


def test_a_run_that_dies_before_it_begins_has_failed(server):
    project = "sweep-dies"
    name = make(server, project, method="grid", parameters={"a": {"values": [1, 2]}})
    agent = Agent(server, project, name)
    run, _ = agent.take()
    assert agent.beat(run) == []
    other, _ = agent.take()
    assert other != run and server.run(project, run, "state")["state"] == "failed"


def test_a_deleted_run_is_tried_again(server):
    project = "sweep-deleted"
    name = make(server, project, method="grid", parameters={"a": {"values": [1, 2, 3]}})
    agent = Agent(server, project, name)
    for _ in range(3):
        agent.work(lambda a: a)
    assert agent.beat() == [{"type": "exit"}]
    second = next(run for run in runs_of(server, project, name) if values(run) == {"a": 2})
    server.api().run(f"local/{project}/{second['name']}").delete()
    set_state(server, project, name, "RUNNING")
    assert agent.work(lambda a: a) == {"a": 2}
    assert agent.beat() == [{"type": "exit"}]


def test_run_cap(server):
    project = "sweep-cap"
    name = make(server, project, method="random", run_cap=2, parameters={"a": {"min": 0.0, "max": 1.0}})
    agent = Agent(server, project, name)
    agent.work(lambda a: a), agent.work(lambda a: a)
    assert agent.beat() == [{"type": "exit"}]
    assert sweep_of(server, project, name)["runCountExpected"] == 2


def test_best_value_ignores_what_is_no_number(server):
    project = "sweep-best"
    name = make(server, project, method="random", metric={"name": "loss", "goal": "maximize"},
                parameters={"a": {"value": 1}})
    agent = Agent(server, project, name)
    assert sweep_of(server, project, name)["bestLoss"] is None
    for loss in (3.5, "NaN", None, float("nan"), float("inf"), 7, 5):
        agent.work(lambda a: loss)
    assert sweep_of(server, project, name)["bestLoss"] == 7


def test_runs_from_before_join(server):
    project = "sweep-prior"
    for n in range(3):
        server.upsert(project, f"old{n}", config=json.dumps({"a": {"value": n}}))
    answer = upsert(server, projectName=project, config={"method": "random", "parameters": {"a": {"min": 0, "max": 9}}},
                    priorRunsFilters=json.dumps({"$or": [{"name": "old0"}, {"name": "old2"}]}))
    name = answer["data"]["upsertSweep"]["sweep"]["name"]
    assert [run["name"] for run in runs_of(server, project, name)] == ["old0", "old2"]


def test_update_of_a_sweep(server):
    project = "sweep-update"
    name = make(server, project, method="grid", parameters={"a": {"values": [1]}})
    id = sweep_of(server, project, name)["id"]
    wider = {"method": "grid", "parameters": {"a": {"values": [1, 2]}}}
    assert "errors" not in upsert(server, id=id, config=wider)
    assert sweep_of(server, project, name)["runCountExpected"] == 2
    Agent(server, project, name).take()
    assert "errors" not in upsert(server, id=id, config={**wider, "run_cap": 1}, displayName="shown")
    assert sweep_of(server, project, name)["displayName"] == "shown"
    answer = upsert(server, id=id, config={**wider, "method": "random"})
    assert "runs already" in answer["errors"][0]["message"]


@pytest.mark.parametrize("config, word", [
    ({"method": "anneal", "parameters": {"a": {"value": 1}}}, "anneal"),
    ({"method": "custom", "parameters": {"a": {"value": 1}}}, "local controller"),
    ({"method": "grid"}, "parameters"),
    ({"method": "grid", "parameters": {"a": {"min": 0.0, "max": 1.0}}}, "'a'"),
    ({"method": "random", "parameters": {"a": {"distribution": "zipf", "min": 0, "max": 1}}}, "zipf"),
    ({"method": "bayes", "parameters": {"a": {"min": 0.0, "max": 1.0}}}, "metric"),
    ("{", "YAML"),
])
def test_refusals_say_why(server, config, word):
    answer = upsert(server, config=config, projectName="sweep-refused")
    assert word in answer["errors"][0]["message"]


def test_refusal_reaches_the_client(server, run_client):
    outcome = run_client("""
import wandb
wandb.sweep({"method": "anneal", "parameters": {"a": {"value": 1}}}, project="sweep-refused")
""", check=False)
    assert outcome.returncode != 0 and "unknown method 'anneal'" in outcome.stderr


def test_warnings(server):
    answer = upsert(server, projectName="sweep-warned", config={
        "method": "grid", "parameters": {"a": {"value": 1}}, "early_terminate": {"type": "hyperband"}, "colour": 1})
    warnings = " ".join(answer["data"]["upsertSweep"]["configValidationWarnings"])
    assert "early_terminate" in warnings and "colour" in warnings


def test_unknown_agent_is_404(server):
    status, _, body = server.request("POST", "/graphql", {
        "query": "mutation M($i: AgentHeartbeatInput!) { agentHeartbeat(input: $i) { commands } }",
        "variables": {"i": {"id": "QWdlbnQ6OTk5OTk="}}})
    assert status == 404 and json.loads(body)["errors"]


def test_reading_what_is_not_there(server):
    make(server, "sweep-none", method="grid", parameters={"a": {"value": 1}})
    assert sweep_of(server, "sweep-none", "nothere") is None
    answer = upsert(server, id="U3dlZXA6OTk5OTk=", state="PAUSED")
    assert "errors" in answer


def test_sweeps_survive_a_restart(start_server):
    server = start_server()
    name = make(server, "p", method="grid", parameters={"a": {"values": [1, 2, 3]}})
    agent = Agent(server, "p", name)
    agent.work(lambda a: a)
    server.restart(sigkill=True)
    assert agent.work(lambda a: a) == {"a": 2} and agent.work(lambda a: a) == {"a": 3}
    assert agent.beat() == [{"type": "exit"}]
