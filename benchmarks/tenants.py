"""What a flood from one tenant does to the latency of another: by default, with a quota, and with nothing kept for it.

Needs root. The flood is a process of its own, on the processors that the server has too.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from server import Server

from trialbox.client import AsyncSandbox, Limits, Sandbox, SandboxError, UnavailableError

_CALLERS = 64
_REQUESTS = 100
_LIMITS = Limits(wall_seconds=10)
_PROGRAMS = {
    "short": "print(1)",
    "50 ms of a processor": "import time\nwhile time.process_time() < 0.05: pass",
}
_Variant = tuple[str, dict[str, str]]
_VARIANTS: dict[str, _Variant] = {
    "no slot kept": ("", {"RESERVED_SLOT_SECONDS": "0"}),
    "default": ("", {}),
    "concurrency = 1 for the flooder": ("concurrency = 1", {}),
}


@contextlib.contextmanager
def _serving(variant: _Variant, slots: int) -> Iterator[str]:
    quota, settings = variant
    with tempfile.TemporaryDirectory() as folder:
        tenants = Path(folder, "tenants.toml")
        tenants.write_text(_tenant("flooder") + quota + "\n" + _tenant("other"))
        server = Server({"SLOTS": str(slots), "TENANTS_FILE": str(tenants), **settings})
        try:
            yield server.address
        finally:
            server.stop()


def _tenant(name: str) -> str:
    """Its entry; its token is its name."""
    return f'[tenants.{name}]\ntoken_sha256 = ["{hashlib.sha256(name.encode()).hexdigest()}"]\n'


@contextlib.contextmanager
def _flood(address: str, source: str) -> Iterator[None]:
    """Send without end, from the first program that has an answer."""
    command = [sys.executable, __file__, "--flood", source, "--address", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as flood:
        try:
            assert flood.stdout is not None and flood.stdout.readline(), "the flood has begun"
            yield
        finally:
            flood.kill()


async def _send(address: str, source: str) -> None:
    async with AsyncSandbox(address, token="flooder") as box:
        await box.run(source, limits=_LIMITS)
        print("begun", flush=True)

        async def caller() -> None:
            while True:
                with contextlib.suppress(SandboxError):
                    await box.run(source, limits=_LIMITS)

        await asyncio.gather(*(caller() for _ in range(_CALLERS)))


def _p50_milliseconds(box: Sandbox) -> float:
    """Of one program after another."""
    seconds = []
    for _ in range(_REQUESTS):
        began = time.perf_counter()
        box.run("print(1)", limits=_LIMITS)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def _wait_until_served(box: Sandbox) -> None:
    for _ in range(60):
        try:
            box.run("pass")
        except UnavailableError:
            time.sleep(0.5)
        else:
            return
    raise SystemExit("no server answers")


def _measure(variant: _Variant, source: str, slots: int) -> dict[str, float]:
    with _serving(variant, slots) as address, Sandbox(address, token="other") as box:
        _wait_until_served(box)
        _p50_milliseconds(box)  # the first are slower
        alone = _p50_milliseconds(box)
        with _flood(address, source):
            flooded = _p50_milliseconds(box)
    return {
        "p50_alone_ms": round(alone, 2),
        "p50_flooded_ms": round(flooded, 2),
        "ratio": round(flooded / alone, 2),
    }


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--flood", help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.flood:
        asyncio.run(_send(options.address, options.flood))
    found = [
        {"flood_of": name, "with": told, **_measure(variant, source, options.slots)}
        for told, variant in _VARIANTS.items()
        for name, source in _PROGRAMS.items()
    ]
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
