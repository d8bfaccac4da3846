"""The jails of a server: pools of slots, runtimes and probed layers, put together as its settings ask."""

import asyncio
import os
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TypeVar

from trialbox.server import cgroup_host, runtimes
from trialbox.server.diagnosis import refused_namespaces
from trialbox.server.jail import DiskSize
from trialbox.server.judges import Judges
from trialbox.server.layers import Layer
from trialbox.server.model import Limits, Role, SandboxBrokenError
from trialbox.server.nsjail import IDS_PER_SLOT
from trialbox.server.pool import Pool
from trialbox.server.runtimes import Runtime
from trialbox.server.self_test import SelfTest
from trialbox.server.settings import (
    MAXIMUM_SLOTS,
    MAXIMUM_SPARE_SLOTS,
    MINIMUM_TOTAL_MEMORY_BYTES,
    InvalidSettingsError,
    RuntimeSettings,
    Settings,
)
from trialbox.server.slot import Recycling, Slot, SlotConfig

DEFAULT_RUNTIME = "python"
# What most generated programs import, or is imported by that: it costs them more than all of their isolation.
_PRELOADED = ["math", "typing"]
_JUDGE_SECONDS = 24 * 3600.0
# Above the 32-bit ids people and systems use, and some for each slot of each server alive.
_FIRST_HOST_ID = 1 << 20
# The rest is for the server, the launchers and whatever else the machine runs.
_MEMORY_SHARE = 0.9
_HOST_IDS_A_SERVER = 2 * (MAXIMUM_SLOTS + MAXIMUM_SPARE_SLOTS) * IDS_PER_SLOT
_Part = TypeVar("_Part")


class CannotServeError(Exception):
    """The server must not or cannot serve; the message says why and what to do."""


class Sandbox:
    """A pool of jails with its runtimes and probed layers, as settings ask."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runtimes: dict[str, Runtime] = {}
        self.layers: list[Layer] = []
        """What the self-test found at the start."""
        self.recycled: Counter[Recycling] = Counter()
        """How many jails were replaced, by reason."""
        self.memory_bytes = 0
        """What the memory limits of all running programs may sum up to."""
        self._pool: Pool | None = None
        self._judge_pool: Pool | None = None
        self._judges: Judges | None = None
        self._self_test: SelfTest | None = None

    @property
    def pool(self) -> Pool:
        """Where programs run."""
        return _started(self._pool)

    @property
    def self_test(self) -> SelfTest:
        """What tries the layers."""
        return _started(self._self_test)

    @property
    def judges(self) -> Judges:
        """What programs are judged by."""
        return _started(self._judges)

    @property
    def _judge_limits(self) -> Limits:
        """What a judge may use: it ends when it is no more needed, or when a case takes too long."""
        return replace(
            self.default_limits,
            wall_seconds=_JUDGE_SECONDS,
            cpu_seconds=_JUDGE_SECONDS,
            memory_bytes=self.settings.judge_memory_bytes,
            no_output_seconds=None,
        )

    @property
    def default_limits(self) -> Limits:
        """What a program may use that asks for nothing."""
        return self._within_memory(self.settings.default_limits.to_limits())

    @property
    def maximum_limits(self) -> Limits:
        """The most that a program may ask for."""
        return self._within_memory(self.settings.maximum_limits.to_limits())

    def _within_memory(self, limits: Limits) -> Limits:
        return replace(limits, memory_bytes=min(limits.memory_bytes, self.memory_bytes))

    async def start(self) -> None:
        """Start the slots and probe every layer; raises CannotServeError and InvalidSettingsError."""
        if os.geteuid() != 0:
            raise CannotServeError(
                "trialbox must run as root, of the host or of a user namespace of its own: "
                "it sets up namespaces, mounts and cgroups for the jails"
            )
        settings = self.settings
        host = cgroup_host.probe()
        host.remove_abandoned()
        self.memory_bytes = settings.total_memory_bytes or int(host.available_memory_bytes() * _MEMORY_SHARE)
        if self.memory_bytes < MINIMUM_TOTAL_MEMORY_BYTES:
            raise CannotServeError(
                f"nine tenths of the memory of this machine, or of the server's cgroup, are {self.memory_bytes} bytes; "
                f"at least {MINIMUM_TOTAL_MEMORY_BYTES} are needed"
            )
        await self._load_runtimes()
        try:
            config = SlotConfig(
                runtimes=self.runtimes,
                cgroup_host=host,
                first_host_id=settings.first_host_id or _FIRST_HOST_ID + os.getpid() * _HOST_IDS_A_SERVER,
                usual_disk=DiskSize.of(self.default_limits),
                executions_by_jail=settings.executions_by_jail,
                roles=(Role.HARNESS, Role.CANDIDATE),
                recycled=self.recycled,
            )
            judge_config = replace(config, roles=(Role.JUDGE,))
            # A program and its judge are in slots that have nothing in common.
            count = settings.slots + settings.spare_slots
            slots = [Slot(number, config) for number in range(count)]
            judge_slots = [Slot(number, judge_config) for number in range(count, 2 * count)]
            self._pool = Pool(
                slots,
                permits=settings.slots,
                queue_size=settings.queue_size,
                memory_bytes=self.memory_bytes,
                reserved_seconds=settings.reserved_slot_seconds,
            )
            judge_memory = count * settings.judge_memory_bytes
            self._judge_pool = Pool(judge_slots, permits=count, queue_size=0, memory_bytes=judge_memory)
            self._judges = Judges(self._judge_pool, self._judge_limits, count)
            await asyncio.gather(self._pool.start(), self._judge_pool.start())
            self._self_test = SelfTest(
                partial(self._pool.execute, bounded=False),
                host,
                self.runtimes[DEFAULT_RUNTIME],
                memory_bytes=self.memory_bytes,
                waived=settings.waived_layers,
            )
            self.layers = await self._self_test.run()
        except SandboxBrokenError as error:
            await self.stop()
            refused = await asyncio.to_thread(refused_namespaces)
            why = f"\nthese isolation layers can't be had here:{refused}" if refused else ""
            raise CannotServeError(f"no jail can be started: {error}{why}") from error
        except BaseException:
            await self.stop()
            raise

    async def _load_runtimes(self) -> None:
        own = RuntimeSettings(interpreter=runtimes.default_interpreter(), preload=_PRELOADED)
        for name, given in ({DEFAULT_RUNTIME: own} | self.settings.runtimes).items():
            try:
                self.runtimes[name] = await asyncio.to_thread(
                    runtimes.load,
                    name,
                    given.interpreter,
                    given.environment,
                    preload=tuple(given.preload),
                    warm=given.warm,
                )
            except runtimes.RuntimeUnusableError as error:
                if given is own:
                    raise CannotServeError(str(error)) from error
                raise InvalidSettingsError(f"TRIALBOX_RUNTIMES.{name}.interpreter: {error}") from error

    async def stop(self) -> None:
        """End whatever runs, and leave nothing behind."""
        if self._judges is not None:
            await self._judges.stop()
        await asyncio.gather(*(pool.stop() for pool in (self._pool, self._judge_pool) if pool is not None))


def _started(part: _Part | None) -> _Part:
    if part is None:
        raise CannotServeError("the sandbox is not started")
    return part
