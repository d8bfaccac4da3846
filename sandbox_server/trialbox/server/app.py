"""Puts a server together from its settings, runs it, and takes it apart again."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from functools import partial
from importlib import metadata
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from pydantic import ValidationError

from trialbox.server import cgroups, layers, runtimes
from trialbox.server.cold import ColdSlot, SlotConfig
from trialbox.server.layers import Layer
from trialbox.server.model import SandboxBrokenError
from trialbox.server.nsjail import IDS_PER_SLOT, JailSpec
from trialbox.server.pool import Pool
from trialbox.server.runtimes import Runtime
from trialbox.server.service import SandboxService
from trialbox.server.settings import MAXIMUM_SLOTS, Settings
from trialbox.server.validation import Bounds
from trialbox.v1 import MAX_MESSAGE_BYTES, sandbox_service_pb2, sandbox_service_pb2_grpc

DEFAULT_RUNTIME = "python"
_SERVICE = sandbox_service_pb2.DESCRIPTOR.services_by_name["SandboxService"].full_name
_READY = b"ready\n"
# Above the 32-bit ids people and systems use, and three for each slot of each server alive.
_FIRST_HOST_ID = 1 << 20
_HOST_IDS_A_SERVER = MAXIMUM_SLOTS * IDS_PER_SLOT

_log = structlog.get_logger(__name__)


class CannotServeError(Exception):
    """The server must not or cannot serve; the message says why and what to do."""


class Sandbox:
    """A pool of jails with its runtimes and probed layers, as settings ask."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runtimes: dict[str, Runtime] = {}
        self.layers: list[Layer] = []
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The running pool."""
        if self._pool is None:
            raise CannotServeError("the sandbox is not started")
        return self._pool

    async def start(self) -> None:
        """Start the slots and probe every layer; raises CannotServeError."""
        if os.geteuid() != 0:
            raise CannotServeError(
                "trialbox must run as root, of the host or of a user namespace of its own: "
                "it sets up namespaces, mounts and cgroups for the jails"
            )
        settings = self.settings
        wanted: dict[str, tuple[str, dict[str, str]]] = {DEFAULT_RUNTIME: (runtimes.default_interpreter(), {})} | {
            name: (given.interpreter, given.environment) for name, given in settings.runtimes.items()
        }
        limits = settings.default_limits.to_limits()
        cgroup_host = cgroups.probe()
        cgroups.remove_abandoned(cgroup_host)
        try:
            for name, (interpreter, environment) in wanted.items():
                self.runtimes[name] = await asyncio.to_thread(runtimes.load, name, interpreter, environment)
            config = SlotConfig(
                runtimes=self.runtimes,
                cgroup_host=cgroup_host,
                first_host_id=settings.first_host_id or _FIRST_HOST_ID + os.getpid() * _HOST_IDS_A_SERVER,
                usual=JailSpec(
                    runtime=DEFAULT_RUNTIME,
                    hash_seed=0,
                    disk_bytes=limits.disk_bytes,
                    disk_inodes=limits.disk_inodes,
                ),
            )
            slots = [ColdSlot(number, config) for number in range(settings.slots)]
            self._pool = Pool(slots, queue_size=settings.queue_size)
            await self._pool.start()
            self.layers = await layers.probe(
                partial(self._pool.execute, bounded=False),
                cgroup_host,
                runtime=DEFAULT_RUNTIME,
                limits=limits,
                waived=settings.waived_layers,
            )
        except (SandboxBrokenError, runtimes.RuntimeUnusableError, layers.UnknownLayerError) as error:
            await self.stop()
            raise CannotServeError(str(error)) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End whatever runs, and leave nothing behind."""
        if self._pool is not None:
            await self._pool.stop()


async def serve(settings: Settings) -> None:
    """Serve until told to stop; raises CannotServeError."""
    sandbox = Sandbox(settings)
    await sandbox.start()
    try:
        off = layers.missing(sandbox.layers)
        if off:
            listed = "".join(f"\n  {layer.name}: {layer.evidence}\n    {layer.remedy}" for layer in off)
            raise CannotServeError(f"these isolation layers are missing, so nothing is served:{listed}")
        await _serve(sandbox)
    finally:
        await sandbox.stop()


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
        bounds=Bounds(
            default_limits=settings.default_limits.to_limits(),
            maximum_limits=settings.maximum_limits.to_limits(),
            default_case_seconds=settings.default_case_seconds,
            default_evaluation_seconds=settings.default_evaluation_seconds,
            runtimes=tuple(sandbox.runtimes),
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
    await server.start()
    for name in ("", _SERVICE):
        await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    _log.info("serving", address=settings.address, port=port, slots=settings.slots)
    await _until_told_to_stop(settings.lifeline_fd)
    _log.info("stopping")
    await health_servicer.enter_graceful_shutdown()
    await server.stop(settings.stop_grace_seconds)
    if settings.lifeline_fd is not None and settings.address.startswith("unix:"):
        # Whoever made the socket's folder may have been killed before it could clean up.
        socket_path = Path(settings.address.removeprefix("unix:"))
        with contextlib.suppress(OSError):
            socket_path.unlink(missing_ok=True)
            socket_path.parent.rmdir()


async def _refuse_socket_in_use(path: str) -> None:
    # gRPC would take the path over, and leave the server that has it unreachable.
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return
    writer.close()
    raise CannotServeError(f"can't listen on unix:{path}: another server does")


async def _until_told_to_stop(lifeline_fd: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
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
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"trialbox can't serve with these settings: {error}\n")
        return 2
    configure_logging(settings.log_level)
    try:
        asyncio.run(serve(settings))
    except CannotServeError as error:
        sys.stderr.write(f"trialbox can't serve: {error}\n")
        return 3
    return 0
