"""A program can be told to end at any time; once it has, nobody else is told."""

from trialbox.server.model import IsolationPath, Job, Outcome, Program
from trialbox.server.sandbox import DEFAULT_RUNTIME, Sandbox
from trialbox.server.settings import Settings
from trialbox.server.watching import Running


async def test_a_program_that_is_stopped_after_its_end_takes_none_after_it_along() -> None:
    sandbox = Sandbox(Settings(slots=1, spare_slots=0))
    await sandbox.start()
    ended: list[Running] = []

    def stop_those_before(running: Running) -> None:
        for late in ended:
            late.stop(b"cancelled")
        ended.append(running)

    try:
        job = Job(
            program=Program(source=b"print('ran')", runtime=DEFAULT_RUNTIME),
            limits=sandbox.default_limits,
            isolation=IsolationPath.WARM,
        )
        for _ in range(5):
            execution = await sandbox.pool.execute(job, stop_those_before)
            assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"ran\n")
    finally:
        await sandbox.stop()
