"""Runs a server as its settings ask, until it is told to stop."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from importlib import metadata
from pathlib import Path

import grpc
import structlog
import uvloop
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from trialbox.server import layers, probes, tracing, user_namespace
from trialbox.server.accounts import Accounts
from trialbox.server.calls import CallObserver
from trialbox.server.health import HEALTH_SERVICE, Health
from trialbox.server.identity import Authentication
from trialbox.server.layers import LayersMissingError
from trialbox.server.logs import configure_logging, log_loop_error
from trialbox.server.metrics import Metrics
from trialbox.server.model import SandboxBrokenError
from trialbox.server.readiness import Readiness
from trialbox.server.sandbox import DEFAULT_RUNTIME, CannotServeError, Sandbox
from trialbox.server.service import SandboxService
from trialbox.server.settings import InvalidSettingsError, Settings, is_local, load
from trialbox.server.suites import SuiteStore
from trialbox.server.tenants import Tenants
from trialbox.server.tenants_file import Directory
from trialbox.server.transport import Certificates, bind
from trialbox.server.validation import Bounds
from trialbox.v1 import KEEPALIVE_SECONDS, MAX_MESSAGE_BYTES, sandbox_service_pb2, sandbox_service_pb2_grpc

_SERVICE = sandbox_service_pb2.DESCRIPTOR.services_by_name["SandboxService"].full_name
_READY = b"ready\n"
_LOOK_SECONDS = 1.0

_log = structlog.get_logger(__name__)


async def serve(settings: Settings, metrics: Metrics) -> None:
    """Serve until told to stop; raises CannotServeError and InvalidSettingsError."""
    asyncio.get_running_loop().set_exception_handler(log_loop_error)
    certificates = Certificates.of(settings)
    sandbox = Sandbox(settings)
    await sandbox.start()
    try:
        off = layers.missing(sandbox.layers)
        if off and settings.lifeline_fd is not None:  # whoever waits there can do nothing but give up
            raise CannotServeError(str(LayersMissingError(off)))
        await _serve(sandbox, metrics, certificates)
    finally:
        await _end_all_else()
        await sandbox.stop()


async def _end_all_else() -> None:
    """End the calls that gRPC gave up on: it doesn't wait for them, and each brings its slot to life again."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _serve(sandbox: Sandbox, metrics: Metrics, certificates: Certificates | None) -> None:
    settings = sandbox.settings
    health = Health()
    readiness = Readiness(lambda serving: health.set(("", _SERVICE), serving=serving))
    readiness.found(sandbox.layers)
    sandbox.pool.on_health = readiness.slots_work
    suites = SuiteStore(settings.suite_cache_bytes)
    directory = Directory(settings.tenants_file, sandbox.maximum_limits)
    metrics.watch(sandbox, readiness, suites, directory.current)
    accounts = Accounts(
        Bounds(
            default_limits=sandbox.default_limits,
            maximum_limits=sandbox.maximum_limits,
            default_case_seconds=settings.default_case_seconds,
            default_evaluation_seconds=settings.default_evaluation_seconds,
            runtimes=tuple(sandbox.runtimes),
            warm_runtimes=frozenset(name for name, runtime in sandbox.runtimes.items() if runtime.warm),
            default_runtime=DEFAULT_RUNTIME,
        ),
        suites,
        settings.message_bytes,
    )

    def take_tenants(tenants: Tenants) -> None:
        sandbox.pool.share_out({name: tenant.share for name, tenant in tenants.by_name.items()})
        accounts.keep(tenants)

    take_tenants(directory.current())
    directory.on_change = take_tenants
    service = SandboxService(
        pool=sandbox.pool,
        judges=sandbox.judges,
        accounts=accounts,
        metrics=metrics,
        readiness=readiness,
        runtimes={name: runtime.python_version for name, runtime in sandbox.runtimes.items()},
        version=metadata.version("trialbox"),
    )
    authentication = Authentication(
        directory.current, certificates=settings.tls_client_ca_file is not None, refuse=service.refuse
    )
    server = grpc.aio.server(interceptors=[CallObserver(metrics), authentication], options=_options(settings))
    sandbox_service_pb2_grpc.add_SandboxServiceServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    if settings.reflection:
        names = (_SERVICE, HEALTH_SERVICE, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
    if settings.address.startswith("unix:"):
        await _refuse_socket_in_use(settings.address.removeprefix("unix:"))
    try:
        port = bind(server, settings, certificates)
    except RuntimeError as error:
        raise CannotServeError(f"can't listen on {settings.address}: {error}") from error
    # What is there by now stays: the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    await server.start()
    probe_server = await probes.start(settings.health_address, health)
    chores = [asyncio.create_task(_repeat_self_test(sandbox, readiness)), asyncio.create_task(directory.watch())]
    if not (directory.current().are_set or settings.tls_client_ca_file or is_local(settings.address)):
        _log.warning(
            "no_authentication",
            address=settings.address,
            meaning="whoever reaches this address can run programs here; TRIALBOX_TENANTS_FILE says who may",
        )
    stop = _stop_signal()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, directory.reload)
    say, event = (_log.info, "serving") if readiness.serves else (_log.error, "not_serving")
    say(event, address=settings.address, port=port, slots=settings.slots)
    gone = asyncio.create_task(until_gone(server))
    told = asyncio.create_task(_told_to_stop(stop, settings.lifeline_fd))
    await asyncio.wait((gone, told), return_when=asyncio.FIRST_COMPLETED)
    if gone.done():
        await gone
    gone.cancel()
    _log.info("stopping", grace_seconds=settings.stop_grace_seconds)
    for chore in chores:
        chore.cancel()
    readiness.stop()
    await server.stop(settings.stop_grace_seconds)
    if probe_server is not None:
        await probe_server.stop(None)
    if settings.lifeline_fd is not None and settings.address.startswith("unix:"):
        # Whoever made the socket's folder may have been killed before it could clean up.
        socket_path = Path(settings.address.removeprefix("unix:"))
        with contextlib.suppress(OSError):
            socket_path.unlink(missing_ok=True)
            socket_path.parent.rmdir()


def _options(settings: Settings) -> list[tuple[str, int]]:
    options = [
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.so_reuseport", 0),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_SECONDS * 500),
    ]
    if settings.maximum_connection_seconds is not None:
        longest = settings.maximum_limits.wall_seconds + settings.stop_grace_seconds
        options += [
            ("grpc.max_connection_age_ms", int(settings.maximum_connection_seconds * 1000)),
            ("grpc.max_connection_age_grace_ms", int(longest * 1000)),
        ]
    return options


async def until_gone(server: grpc.aio.Server) -> None:
    """Raise CannotServeError as soon as gRPC has given up: it tells nobody else, and answers nothing from then on."""
    reason = "it was stopped"
    try:
        while await server.wait_for_termination(_LOOK_SECONDS):
            pass
    except Exception as error:  # what it gave up over
        reason = type(error).__name__
    raise CannotServeError(f"gRPC answers no more: {reason}")


async def _repeat_self_test(sandbox: Sandbox, readiness: Readiness) -> None:
    while True:
        await asyncio.sleep(sandbox.settings.self_test_seconds)
        try:
            found = await sandbox.self_test.run()
        except SandboxBrokenError as error:  # that no slot works is known, and told by health
            _log.warning("self_test_failed", error=str(error))
        except Exception as error:  # whatever it is, the next one must come
            _log.error("self_test_failed", exc_info=error)
        else:
            readiness.found(found)


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
            with contextlib.suppress(BrokenPipeError):  # the reader will tell
                lifeline.send(_READY)

            def closed() -> None:
                try:
                    is_closed = not lifeline.recv(1)
                except BlockingIOError:
                    return
                except ConnectionResetError:  # whoever started this was killed before reading _READY
                    is_closed = True
                if is_closed:
                    stop.set()

            loop.add_reader(lifeline, closed)
            stack.callback(loop.remove_reader, lifeline)
        await stop.wait()


def main() -> int:
    """Serve as the environment says; the exit status is 2 for bad settings, 3 when it can't."""
    try:
        settings = load()
        user_namespace.enter_where_needed()
        configure_logging(settings.log_level)
        metrics = Metrics()
        if settings.metrics_address is not None:
            metrics.serve(settings.metrics_address)
        with tracing.started(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, metrics))
        _log.info("stopped")
    except InvalidSettingsError as error:
        sys.stderr.write(f"trialbox can't serve with these settings: {error}\n")
        return 2
    except CannotServeError as error:
        sys.stderr.write(f"trialbox can't serve: {error}\n")
        return 3
    return 0
