"""Finds the package and the library of this checkout, and gives every test a clean directory and environment."""

import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bindings", "python"))
sys.path.insert(0, os.path.join(ROOT, "Tests", "conformance"))  # the second reader of logs


@pytest.fixture(autouse=True)
def clean_place(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith(("WANDB_", "QUIPU_")) and name != "QUIPU_LIBRARY":
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_X_SAVE_REQUIREMENTS", "false")
    monkeypatch.setenv("WANDB_X_DISABLE_META", "true")
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")
    monkeypatch.setenv("WANDB_DISABLE_GIT", "true")
    monkeypatch.chdir(work)
    yield
    import quipu

    for run in list(quipu._init._active):
        run.finish()
