"""Small helpers that programs use from W&B's `util`."""

import secrets

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def generate_id(length=8):
    """A random id of the letters a-z and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
