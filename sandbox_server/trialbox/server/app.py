"""Puts a server together from its settings, runs it, and takes it apart again."""

import asyncio
import contextlib
import gc
import ipaddress
import os
import signal
import socket
import sys
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path

import grpc
import structlog
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from trialbox.server import cgroups, layers, runtimes
from trialbox.server.jail import DiskSize
from trialbox.server.judges import Judges
from trialbox.server.layers import Layer
from trialbox.server.model import IsolationPath, Limits, Role, SandboxBrokenError
from trialbox.server.nsjail import IDS_PER_SLOT
from trialbox.server.pool import Pool
from trialbox.server.runtimes import Runtime
from trialbox.server.service import SandboxService
from trialbox.server.settings import (
    MAXIMUM_SLOTS,
    MAXIMUM_SPARE_SLOTS,
    MINIMUM_TOTAL_MEMORY_BYTES,
    InvalidSettingsError,
    RuntimeSettings,
    Settings,
    load,
)
from trialbox.server.slot import Slot, SlotConfig
from trialbox.server.suites import SuiteStore
from trialbox.server.validation import Bounds
from trialbox.v1 import MAX_MESSAGE_BYTES, sandbox_service_pb2, sandbox_service_pb2_grpc

DEFAULT_RUNTIME = "python"
# What most generated programs import, or is imported by that: it costs them more than all of their isolation.
_PRELOADED = ["math", "typing"]
_SERVICE = sandbox_service_pb2.DESCRIPTOR.services_by_name["SandboxService"].full_name
_READY = b"ready\n"
_JUDGE_SECONDS = 24 * 3600.0
# Above the 32-bit ids people and systems use, and some for each slot of each server alive.
_FIRST_HOST_ID = 1 << 20
# The rest is for the server, the launchers and whatever else the machine runs.
_MEMORY_SHARE = 0.9
_HOST_IDS_A_SERVER = 2 * (MAXIMUM_SLOTS + MAXIMUM_SPARE_SLOTS) * IDS_PER_SLOT

_log = structlog.get_logger(__name__)


class CannotServeError(Exception):
    """The server must not or cannot serve; the message says why and what to do."""


class Sandbox:
    """A pool of jails with its runtimes and probed layers, as settings ask."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runtimes: dict[str, Runtime] = {}
        self.layers: list[Layer] = []
        self.memory_bytes = 0
        """What the memory limits of all running programs may sum up to."""
        self._pool: Pool | None = None
        self._judge_pool: Pool | None = None
        self._judges: Judges | None = None

    @property
    def pool(self) -> Pool:
        """Where programs run."""
        if self._pool is None:
            raise CannotServeError("the sandbox is not started")
        return self._pool

    @property
    def judges(self) -> Judges:
        """What programs are judged by."""
        if self._judges is None:
            raise CannotServeError("the sandbox is not started")
        return self._judges

    @property
    def _judge_limits(self) -> Limits:
        """What a judge may use: it ends when it is no more needed, or when a case takes too long."""
        return replace(
            self.default_limits,
            wall_seconds=_JUDGE_SECONDS,
            cpu_seconds=_JUDGE_SECONDS,
            memory_bytes=self.settings.judge_memory_bytes,
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
        cgroup_host = cgroups.probe()
        cgroups.remove_abandoned(cgroup_host)
        self.memory_bytes = settings.total_memory_bytes or int(
            cgroups.available_memory_bytes(cgroup_host) * _MEMORY_SHARE
        )
        if self.memory_bytes < MINIMUM_TOTAL_MEMORY_BYTES:
            raise CannotServeError(
                f"nine tenths of the memory of this machine, or of the server's cgroup, are {self.memory_bytes} bytes; "
                f"at least {MINIMUM_TOTAL_MEMORY_BYTES} are needed"
            )
        await self._load_runtimes()
        try:
            config = SlotConfig(
                runtimes=self.runtimes,
                cgroup_host=cgroup_host,
                first_host_id=settings.first_host_id or _FIRST_HOST_ID + os.getpid() * _HOST_IDS_A_SERVER,
                usual_disk=DiskSize.of(self.default_limits),
                executions_by_jail=settings.executions_by_jail,
                roles=(Role.HARNESS, Role.CANDIDATE),
            )
            judge_config = replace(config, roles=(Role.JUDGE,))
            # A program and its judge are in slots that have nothing in common.
            count = settings.slots + settings.spare_slots
            slots = [Slot(number, config) for number in range(count)]
            judge_slots = [Slot(number, judge_config) for number in range(count, 2 * count)]
            permits, queue_size = settings.slots, settings.queue_size
            self._pool = Pool(slots, permits=permits, queue_size=queue_size, memory_bytes=self.memory_bytes)
            judge_memory = count * settings.judge_memory_bytes
            self._judge_pool = Pool(judge_slots, permits=count, queue_size=0, memory_bytes=judge_memory)
            self._judges = Judges(self._judge_pool, self._judge_limits, count)
            await asyncio.gather(self._pool.start(), self._judge_pool.start())
            self.layers = await layers.probe(
                partial(self._pool.execute, bounded=False),
                cgroup_host,
                runtime=DEFAULT_RUNTIME,
                isolation=IsolationPath.WARM if self.runtimes[DEFAULT_RUNTIME].warm else IsolationPath.COLD,
                memory_bytes=self.memory_bytes,
                waived=settings.waived_layers,
            )
        except SandboxBrokenError as error:
            await self.stop()
            raise CannotServeError(str(error)) from error
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


async def serve(settings: Settings) -> None:
    """Serve until told to stop; raises CannotServeError and InvalidSettingsError."""
    sandbox = Sandbox(settings)
    await sandbox.start()
    try:
        off = layers.missing(sandbox.layers)
        if off:
            listed = "".join(f"\n  {layer.name}: {layer.evidence}\n    {layer.remedy}" for layer in off)
            raise CannotServeError(f"these isolation layers are missing, so nothing is served:{listed}")
        await _serve(sandbox)
    finally:
        await _end_all_else()
        await sandbox.stop()


async def _end_all_else() -> None:
    """End the calls that gRPC gave up on: it doesn't wait for them, and each brings its slot to life again."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _serve(sandbox: Sandbox) -> None:
    settings = sandbox.settings
    server = grpc.aio.server(
        options=[
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ]
    )
    service = SandboxService(
        pool=sandbox.pool,
        judges=sandbox.judges,
        suites=SuiteStore(settings.suite_cache_bytes),
        bounds=Bounds(
            default_limits=sandbox.default_limits,
            maximum_limits=sandbox.maximum_limits,
            default_case_seconds=settings.default_case_seconds,
            default_evaluation_seconds=settings.default_evaluation_seconds,
            runtimes=tuple(sandbox.runtimes),
            warm_runtimes=frozenset(name for name, runtime in sandbox.runtimes.items() if runtime.warm),
            default_runtime=DEFAULT_RUNTIME,
        ),
        layers=sandbox.layers,
        runtimes={name: runtime.python_version for name, runtime in sandbox.runtimes.items()},
        version=metadata.version("trialbox"),
    )
    sandbox_service_pb2_grpc.add_SandboxServiceServicer_to_server(service, server)
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    if settings.reflection:
        names = (_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
    if settings.address.startswith("unix:"):
        await _refuse_socket_in_use(settings.address.removeprefix("unix:"))
    try:
        port = server.add_insecure_port(settings.address)
    except RuntimeError as error:
        raise CannotServeError(f"can't listen on {settings.address}: {error}") from error
    # What is there by now stays: the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    await server.start()
    statuses = health_pb2.HealthCheckResponse

    async def tell_health(serving: bool) -> None:
        for name in ("", _SERVICE):
            await health_servicer.set(name, statuses.SERVING if serving else statuses.NOT_SERVING)

    await tell_health(True)
    sandbox.pool.on_health = tell_health
    if not _is_local(settings.address):
        _log.warning(
            "no_authentication",
            address=settings.address,
            meaning="whoever reaches this address can run programs here; listen on 127.0.0.1 or unix:PATH instead",
        )
    stop = _stop_signal()
    _log.info("serving", address=settings.address, port=port, slots=settings.slots)
    await _told_to_stop(stop, settings.lifeline_fd)
    _log.info("stopping")
    await health_servicer.enter_graceful_shutdown()
    await server.stop(settings.stop_grace_seconds)
    if settings.lifeline_fd is not None and settings.address.startswith("unix:"):
        # Whoever made the socket's folder may have been killed before it could clean up.
        socket_path = Path(settings.address.removeprefix("unix:"))
        with contextlib.suppress(OSError):
            socket_path.unlink(missing_ok=True)
            socket_path.parent.rmdir()


def _is_local(address: str) -> bool:
    """Whether only this machine reaches it."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or address.startswith("unix:")


async def _refuse_socket_in_use(path: str) -> None:
    # gRPC would take the path over, and leave the server that has it unreachable.
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return
    writer.close()
    raise CannotServeError(f"can't listen on unix:{path}: another server does")


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _told_to_stop(stop: asyncio.Event, lifeline_fd: int | None) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        if lifeline_fd is not None:
            lifeline = stack.enter_context(socket.socket(fileno=lifeline_fd))
            lifeline.setblocking(False)
            lifeline.send(_READY)

            def closed() -> None:
                with contextlib.suppress(BlockingIOError):
                    if not lifeline.recv(1):
                        stop.set()

            loop.add_reader(lifeline, closed)
            stack.callback(loop.remove_reader, lifeline)
        await stop.wait()


def configure_logging(level: str) -> None:
    """Log one JSON object a line to standard error."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def main() -> int:
    """Serve as the environment says; the exit status is 2 for bad settings, 3 when it can't."""
    try:
        settings = load()
        configure_logging(settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except InvalidSettingsError as error:
        sys.stderr.write(f"trialbox can't serve with these settings: {error}\n")
        return 2
    except CannotServeError as error:
        sys.stderr.write(f"trialbox can't serve: {error}\n")
        return 3
    return 0
