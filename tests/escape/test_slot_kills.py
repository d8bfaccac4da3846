"""Whatever part of a slot dies, no request is lost, no answer is untrue, and the slot comes back by itself."""

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import hosts
import pytest
from executions import Run, printed
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trialbox.client import Execution, Limits, Outcome, QueueFullError, Sandbox, UnavailableError

ROLES = ("launcher", "nsjail", "fork_server", "init", "program")
# Those with which the jail dies.
JAILERS = ("launcher", "nsjail", "fork_server")
QUEUE_SIZE = 2
LONG = Limits(wall_seconds=60)

# A cold slot is the same code with room for one program: what goes for the jail that stays goes for it.
pytestmark = pytest.mark.parametrize("isolation_path", ["warm"], indirect=True)


@pytest.fixture(scope="module", params=["0", "1"], ids=["no spare slot", "a spare slot"])
def server(request: pytest.FixtureRequest) -> Iterator[hosts.Server]:
    """A server that runs one program at once."""
    settings = {"SLOTS": "1", "SPARE_SLOTS": request.param, "QUEUE_SIZE": str(QUEUE_SIZE), "LOG_LEVEL": "error"}
    with hosts.serving(settings) as server:
        yield server


@pytest.fixture
def patient(server: hosts.Server, isolation_path: str) -> Iterator[Run]:
    """Runs a program as the SDK does by default, once more where the infrastructure failed."""
    with Sandbox(server.address) as box:
        yield partial(box.run, isolation=isolation_path)


@pytest.fixture
def impatient(server: hosts.Server, isolation_path: str) -> Iterator[Run]:
    """Runs a program and passes on whatever becomes of the first attempt."""
    with Sandbox(server.address, retry=False) as box:
        yield partial(box.run, isolation=isolation_path)


@pytest.fixture
def marker() -> str:
    """A word for the command line of a program that waits."""
    return f"waiting-{uuid.uuid4().hex}"


def kill(jail: hosts.Jail, role: str) -> None:
    """Kill one process of a jail, and wait until those are dead that die of it."""
    os.kill(getattr(jail, role).pid, signal.SIGKILL)
    hosts.eventually(lambda: all(process.ended for process in jail.die_with(role)), f"the {role} and its own died")


def jail_of(server: hosts.Server, marker: str, before: int = 0) -> hosts.Jail:
    """The jail in which the program with this marker runs, once it does; `before` is one that is not meant."""

    def running() -> list[hosts.Jail]:
        pids = set(hosts.marked(marker)) - {before}
        return [jail for jail in hosts.jails(server.pid) if jail.program.pid in pids]

    hosts.eventually(running, "the program started")
    (jail,) = running()
    return jail


def idle_jails(server: hosts.Server) -> list[hosts.Jail]:
    """All jails of a server that nobody uses."""
    return hosts.settled(lambda: hosts.jails(server.pid))


def fill_queue(server: hosts.Server, pool: ThreadPoolExecutor, run: Run) -> list[Future[Execution]]:
    """Have as many programs queue as may: one more is refused."""
    calls = [pool.submit(run, f"print('queued {number}')") for number in range(QUEUE_SIZE + 1)]
    hosts.eventually(lambda: any(call.done() for call in calls), "the queue is full")
    (refused,) = (call for call in calls if call.done())
    assert isinstance(refused.exception(), QueueFullError)
    return [call for call in calls if call is not refused]


def assert_in_order(server: hosts.Server, cgroups: set[Path]) -> None:
    """Assert that the slots have the control groups of before, and in them nothing but jails with a parent."""
    assert hosts.cgroups_of(server.pid) == cgroups

    def orphans() -> set[int]:
        return hosts.members(cgroups) - {process.pid for process in hosts.descendants(server.pid)}

    hosts.eventually(lambda: not orphans(), "what was left of dead jails ended")


# While idle


@pytest.mark.parametrize("role", ROLES)
def test_a_part_of_an_idle_slot_that_is_killed_costs_nobody_anything(
    server: hosts.Server, impatient: Run, role: str
) -> None:
    printed(impatient("print('so that there is a jail of this kind')"))
    cgroups = hosts.cgroups_of(server.pid)
    for _ in range(2):
        for jail in idle_jails(server):
            kill(jail, role)
        for number in range(4):
            assert printed(impatient(f"print('after', {number})")) == f"after {number}"
    assert_in_order(server, cgroups)


@pytest.mark.parametrize("role", ROLES)
def test_a_whole_batch_is_answered_after_all_idle_slots_were_killed(
    server: hosts.Server, isolation_path: str, impatient: Run, role: str
) -> None:
    printed(impatient("print('so that there is a jail of this kind')"))
    for jail in idle_jails(server):
        kill(jail, role)
    with Sandbox(server.address) as box:
        programs = [f"print({number})" for number in range(20)]
        executions = list(box.run_many(programs, isolation=isolation_path, ordered=True))
    assert [printed(execution) for execution in executions] == [str(number) for number in range(20)]


# While a program runs


@pytest.mark.parametrize("role", JAILERS)
@pytest.mark.parametrize("queued", [False, True], ids=["alone", "with others queued"])
def test_a_program_whose_jail_is_killed_is_an_infrastructure_failure_and_the_queue_goes_on(
    server: hosts.Server, impatient: Run, marker: str, role: str, queued: bool
) -> None:
    cgroups = hosts.cgroups_of(server.pid)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(impatient, hosts.lingering(marker), limits=LONG)
        jail = jail_of(server, marker)
        others = fill_queue(server, pool, impatient) if queued else []
        kill(jail, role)
        lost = call.exception()
        assert isinstance(lost, UnavailableError)
        assert (lost.reason, lost.retryable) == ("SANDBOX_BROKEN", True)
        assert not hosts.marked(marker)
        assert all(printed(other.result()).startswith("queued") for other in others)
    assert printed(impatient("print('next')")) == "next"
    assert_in_order(server, cgroups)


@pytest.mark.parametrize("queued", [False, True], ids=["alone", "with others queued"])
def test_a_program_that_is_killed_itself_is_told_to_be_and_its_jail_goes_on(
    server: hosts.Server, impatient: Run, isolation_path: str, marker: str, queued: bool
) -> None:
    cgroups = hosts.cgroups_of(server.pid)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(impatient, f"print('so far', flush=True)\n{hosts.lingering(marker)}", limits=LONG)
        jail = jail_of(server, marker)
        others = fill_queue(server, pool, impatient) if queued else []
        kill(jail, "program")
        killed = call.result()
        assert (killed.outcome, killed.signal, killed.stdout) == (Outcome.SIGNALED, signal.SIGKILL, b"so far\n")
        assert all(printed(other.result()).startswith("queued") for other in others)
    assert printed(impatient("print('next')")) == "next"
    if isolation_path == "warm":
        assert not jail.fork_server.ended
    assert_in_order(server, cgroups)


@pytest.mark.parametrize("role", JAILERS)
def test_what_ran_in_a_jail_that_was_killed_is_run_again_by_the_sdk(
    server: hosts.Server, patient: Run, marker: str, role: str
) -> None:
    with ThreadPoolExecutor() as pool:
        call = pool.submit(patient, hosts.until_released(marker), limits=LONG)
        first = jail_of(server, marker)
        kill(first, role)
        second = jail_of(server, marker, before=first.program.pid)
        os.kill(second.program.pid, signal.SIGUSR1)
        assert printed(call.result()) == "released"


def test_kills_over_and_over_lose_no_request_make_no_answer_untrue_and_leave_nothing(
    isolation_path: str, thorough: bool
) -> None:
    chance = random.Random(20)
    settings = {"SLOTS": "2", "SPARE_SLOTS": "1", "LOG_LEVEL": "error"}
    with hosts.serving(settings) as server, Sandbox(server.address) as box:
        cgroups = hosts.cgroups_of(server.pid)
        programs = [f"import time; time.sleep(0.01); print({number})" for number in range(240 if thorough else 50)]
        untrue: list[Any] = []
        for execution in box.run_many(
            programs, isolation=isolation_path, in_flight=6, limits=Limits(wall_seconds=5), on_error=untrue.append
        ):
            honest = (Outcome.SUCCEEDED, b"%d\n" % (execution.index or 0)) == (execution.outcome, execution.stdout)
            if not honest and (execution.outcome, execution.signal) != (Outcome.SIGNALED, signal.SIGKILL):
                untrue.append(execution)
            jails = hosts.jails(server.pid)
            if jails and chance.random() < 0.2:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(getattr(chance.choice(jails), chance.choice(ROLES)).pid, signal.SIGKILL)
        assert untrue == []
        for number in range(10):
            assert printed(box.run(f"print({number})", isolation=isolation_path)) == str(number)
        assert_in_order(server, cgroups)
        family = hosts.descendants(server.pid)
    hosts.eventually(lambda: not any(process.alive for process in family), "the server took its processes with it")
    assert hosts.cgroups_of(server.pid) == set()


def test_kills_leave_no_descriptor_mount_or_process_behind(isolation_path: str, thorough: bool) -> None:
    settings = {"SLOTS": "1", "SPARE_SLOTS": "0", "LOG_LEVEL": "error"}
    with hosts.serving(settings) as server, Sandbox(server.address) as box:

        def traces() -> tuple[object, ...]:
            commands = hosts.command_lines(hosts.descendants(server.pid))
            return commands, hosts.mounts(server.pid), len(hosts.descriptors(server.pid)), hosts.cgroups_of(server.pid)

        def kill_once_of_each() -> None:
            for role in ROLES:
                for jail in idle_jails(server):
                    kill(jail, role)
                for path in ("cold", "warm"):  # what nobody asks for is not missed
                    printed(box.run("print('next')", isolation=path))

        kill_once_of_each()
        before = hosts.settled(traces)
        for _ in range(6 if thorough else 1):
            kill_once_of_each()
        hosts.eventually(lambda: traces() == before, "all is as it was before")


# Callers that go away while a process gets ready for them, or after it was killed


@pytest.mark.parametrize("role", ["init", "program"])
def test_a_process_killed_while_idle_misleads_nobody_whatever_is_asked_for_next(
    server: hosts.Server, impatient: Run, role: str
) -> None:
    usual, other = Limits(wall_seconds=2), Limits(wall_seconds=2, disk_bytes=1 << 20)
    for limits in ([other, usual, usual, usual], [usual, other, usual, other]):
        for jail in idle_jails(server):
            kill(jail, role)
        for number, chosen in enumerate(limits):
            assert printed(impatient(f"print({number})", limits=chosen)) == str(number)


def test_a_call_given_up_while_its_process_gets_ready_costs_the_next_nothing(
    server: hosts.Server, impatient: Run, thorough: bool
) -> None:
    chance = random.Random(7)
    for number in range(120 if thorough else 25):
        # Folders of another size have a process made for them.
        limits = Limits(wall_seconds=2, disk_bytes=(1 << 20) + 4096 * number)
        with contextlib.suppress(TimeoutError):
            impatient("print('too late')", limits=limits, deadline_seconds=0.001 + 0.006 * chance.random())
        assert printed(impatient(f"print({number})", limits=Limits(wall_seconds=2))) == str(number)


def test_a_call_given_up_while_its_request_is_laid_out_frees_the_slot_at_once(
    server: hosts.Server, impatient: Run
) -> None:
    printed(impatient("print('so that there is a jail of this kind')"))
    jails = idle_jails(server)
    for jail in jails:
        os.kill(jail.program.pid, signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(impatient, "print('late')", files={"large": bytes(1 << 20)}, deadline_seconds=1)

        def handed_over() -> bool:
            return any("payload" in target for target in hosts.descriptors(server.pid))

        hosts.eventually(handed_over, "the request is with the process")
        assert isinstance(call.exception(), TimeoutError)
        hosts.eventually(lambda: not handed_over(), "the server has given it up")
    for jail in jails:
        with contextlib.suppress(ProcessLookupError):
            os.kill(jail.program.pid, signal.SIGCONT)
    assert printed(impatient("print('next')", deadline_seconds=4)) == "next"


# When no slot can be started


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """An environment's interpreter, which a test may take away."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "runtime"], check=True)
    return tmp_path / "runtime" / "bin" / "python"


def test_a_server_without_a_slot_that_works_says_so_and_answers_at_once_until_one_does(
    interpreter: Path, isolation_path: str
) -> None:
    settings = {
        "SLOTS": "2",
        "SPARE_SLOTS": "0",
        "EXECUTIONS_BY_JAIL": "1",
        "RUNTIMES": json.dumps({"python": {"interpreter": str(interpreter)}}),
        "LOG_LEVEL": "error",
    }
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    with (
        hosts.serving(settings) as server,
        grpc.insecure_channel(server.address) as channel,
        Sandbox(server.address, retry=False) as box,
        ThreadPoolExecutor() as pool,
    ):
        run = partial(box.run, isolation=isolation_path, deadline_seconds=20)
        health: Any = health_pb2_grpc.HealthStub(channel)
        watched = health.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watched).status == serving
        marker = uuid.uuid4().hex
        first, second = (pool.submit(run, hosts.until_released(marker)) for _ in range(2))
        hosts.eventually(lambda: len(hosts.marked(marker)) == 2, "a program runs in each slot")
        queued = [pool.submit(run, "print('queued')") for _ in range(2)]
        away = interpreter.rename(interpreter.with_name("away"))
        one, other = hosts.marked(marker)
        os.kill(one, signal.SIGUSR1)
        hosts.eventually(lambda: first.done() or second.done(), "one of them ended")
        assert health.Check(health_pb2.HealthCheckRequest()).status == serving
        os.kill(other, signal.SIGUSR1)
        assert [printed(call.result()) for call in (first, second)] == ["released"] * 2
        assert next(watched).status == not_serving
        for call in queued:
            assert isinstance(call.exception(), UnavailableError)
        for _ in range(3):
            with pytest.raises(UnavailableError, match="no slot can be started"):
                run("print('refused')")
        assert health.Check(health_pb2.HealthCheckRequest()).status == not_serving
        away.rename(interpreter)
        assert next(watched).status == serving
        assert printed(run("print('again')")) == "again"
        with ThreadPoolExecutor() as pool:
            calls = [pool.submit(run, "print('again')") for _ in range(4)]
            assert [printed(call.result()) for call in calls] == ["again"] * 4


# When its time has come


def test_a_fork_server_gives_way_to_another_after_its_share_and_no_request_fails(
    isolation_path: str, marker: str
) -> None:
    settings = {"SLOTS": "1", "SPARE_SLOTS": "0", "EXECUTIONS_BY_JAIL": "3", "LOG_LEVEL": "error"}
    with hosts.serving(settings) as server, Sandbox(server.address, retry=False) as box, ThreadPoolExecutor() as pool:
        fork_servers = []
        for number in range(12):
            call = pool.submit(box.run, hosts.until_released(f"{marker}-{number}"), isolation="warm", limits=LONG)
            jail = jail_of(server, f"{marker}-{number}")
            fork_servers.append(jail.fork_server)
            os.kill(jail.program.pid, signal.SIGUSR1)
            assert printed(call.result()) == "released"
        shares = [len(list(share)) for _, share in itertools.groupby(fork_servers)]
        # The first has run the server's own probes, too.
        assert shares[1:-1] == [3] * len(shares[1:-1])
        assert max(shares[0], shares[-1]) <= 3
        retired = set(fork_servers) - {jail.fork_server for jail in idle_jails(server)}
        assert len(retired) >= 3
        hosts.eventually(lambda: not any(process.alive for process in retired), "those that gave way are gone")


def test_a_jail_for_every_program_leaves_nothing_behind(isolation_path: str, thorough: bool) -> None:
    settings = {"SLOTS": "2", "SPARE_SLOTS": "1", "EXECUTIONS_BY_JAIL": "1", "LOG_LEVEL": "error"}
    with hosts.serving(settings) as server, Sandbox(server.address, retry=False) as box:

        def run_many(count: int) -> None:
            programs = [f"print({number})" for number in range(count)]
            executions = box.run_many(programs, isolation="warm", ordered=True)
            assert [printed(execution) for execution in executions] == [str(number) for number in range(count)]

        def traces() -> tuple[object, ...]:
            commands = hosts.command_lines(hosts.descendants(server.pid))
            return commands, len(hosts.descriptors(server.pid)), hosts.mounts(server.pid)

        run_many(10)
        before = hosts.settled(traces)
        run_many(120 if thorough else 25)
        hosts.eventually(lambda: traces() == before, "all is as it was before")
