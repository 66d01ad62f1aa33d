"""Rows lost on SIGKILL: a test counts them, so nothing is measured here."""


def measure(result):
    result.row(
        "rows lost on SIGKILL after the call returned",
        "counted by Tests/c/crash_test.c at 200 random moments (`make test` prints it)",
        bar="0",
    )
