"""Distributed runs: many processes write one run, and groups of runs."""

from conftest import QUIET, wait_for
from programs import fill

RANK = """
import time
import wandb
rank = RANK
run = wandb.init(project="shared", id=ID, name="together", mode="shared", settings=wandb.Settings(
    x_label=f"rank-{rank}", x_primary=rank == 0, x_update_finish_state=rank == 0))
for i in range(50):
    run.log({"x": i, f"rank{rank}": i, "rank": rank})
    time.sleep(0.01)
print(f"said by {rank}")
if rank == 0:
    time.sleep(WAIT)  # a row of another rank behind the end would make the run running again
run.finish()
"""


def check(server, run_id, ranks=4):
    rows = server.history("shared", run_id)
    for rank in range(ranks):
        values = [row[f"rank{rank}"] for row in rows if f"rank{rank}" in row]
        assert values == list(range(50)), f"rank {rank}: {len(values)} rows"
    assert len(rows) == 50 * ranks
    lines = server.console("shared", run_id)
    for rank in range(ranks):
        assert [(line["label"], line["line"]) for line in lines].count((f"rank-{rank}", f"said by {rank}")) == 1
    assert server.run("shared", run_id, "state exitcode displayName") == {
        "state": "finished", "exitcode": 0, "displayName": "together"}


def ranks_of(client, server, run_id, wait, env):
    script = fill(RANK, ID=run_id, WAIT=wait)
    started = [client.start(script.replace("rank = RANK", f"rank = {rank}"), server=server, env={**QUIET, **env})
               for rank in reversed(range(4))]
    for process in started:
        process.wait(60)
        assert process.returncode == 0, (process.directory / "stderr").read_text()
    return started


def test_four_processes_write_one_run_online(server, proxy, quipu, run_id):
    between = proxy()
    ranks_of(quipu, between, run_id, 3, {})
    wait_for(lambda: len(server.history("shared", run_id)) == 200, "all rows", 20)
    writers = {request.header("X-WANDB-ASYNC-CLIENT-ID") for request in between.of("file_stream")}
    assert len(writers) == 4 and None not in writers
    check(server, run_id)


def test_four_processes_write_one_run_on_disk_and_it_is_synced(server, quipu, run_id):
    # Without a key the run stays on disk.
    started = ranks_of(quipu, server, run_id, 0, {"WANDB_API_KEY": None})
    assert server.run("shared", run_id, "id") is None
    logs = []
    for process in started:
        logs += [path for path in (process.directory / "wandb").glob("*run-*") if not path.is_symlink()]
    assert len(logs) == 4
    # Ranks were started in descending order; whoever completes the run comes last, as in a live run.
    for log in logs:
        quipu.sync(log, server=server, directory=started[0].directory)
    check(server, run_id)
    quipu.sync(*logs, server=server, directory=started[0].directory)
    check(server, run_id)


def test_groups_and_job_types(server, quipu, run_id):
    for rank in range(2):
        quipu(f"""
import wandb
run = wandb.init(project="groups", id="{run_id}{rank}", group="g-{run_id}", job_type="worker" if {rank} else "main")
run.log({{"x": {rank}}})
run.finish()
""", server=server, env=QUIET)
    found = server.api().runs("local/groups", filters={"group": f"g-{run_id}"}, order="+created_at")
    assert [(run.id, run.job_type) for run in found] == [(f"{run_id}0", "main"), (f"{run_id}1", "worker")]
