"""The recorded traffic of the official client gets answers of the recorded shape (see replay_vectors.py)."""

import pytest
from conftest import VECTORS
from replay_vectors import Replay, chains

GROUPS = chains(VECTORS) if VECTORS else {}
# What this server does not offer, with the reason.
UNSUPPORTED = {
    "l4_identity_token": "identity tokens are not for a server of one user: POST /oidc/token is answered 404",
}
# Single requests that are refused for now, and nothing else of their recordings is.
REFUSED = {
    "f2_registry.jsonl:18": "there are no registries to link to",
    "f2_registry.jsonl:19": "nor to read from",
}


@pytest.mark.skipif(not VECTORS, reason="QUIPU_HTTP_VECTORS names no directory of recorded traffic")
def test_the_directory_holds_recordings():
    assert GROUPS, f"no *.jsonl in {VECTORS}"


@pytest.mark.parametrize("group", GROUPS)
def test_recorded_traffic(start_server, group):
    if group in UNSUPPORTED:
        pytest.skip(UNSUPPORTED[group])
    # The default entity of the recordings.
    server = start_server("--user", "default" if group in ("a_online", "b_media", "d1_exception", "d2_exit_code",
                                                           "d3_sigkill", "e_sync") else "team")
    replay = Replay(server.url, server.key)
    for path in GROUPS[group]:
        replay.file(path)
    assert replay.count > 0
    known = [problem for problem in replay.problems if problem.split()[0] in REFUSED]
    replay.problems = [problem for problem in replay.problems if problem not in known]
    assert len(known) == len([line for line in REFUSED if line.startswith(group)]), known
    assert not replay.problems, f"{len(replay.problems)} of {replay.count}\n" + "\n".join(replay.problems)
