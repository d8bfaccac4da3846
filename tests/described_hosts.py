"""Hosts as /proc describes them, for tests of what is looked for there."""

from pathlib import Path

import pytest


def describe_host(monkeypatch: pytest.MonkeyPatch, *, mounts: str, own: str) -> None:
    """Have this process see these mounts, and itself in these groups."""
    told = {"/proc/self/mountinfo": mounts, "/proc/self/cgroup": own}
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *rest: told.get(str(path)) or read(path, *rest))
