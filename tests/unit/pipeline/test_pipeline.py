"""Sampling and grading go on side by side, lose nothing that was done, and come to the same however they are cut."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path

import hosts
import pytest
from pipeline_stage import TASKS, Writer, sampling

from trialbox.client import AsyncSandbox, SandboxError
from trialbox.synthesis.generators import Completion, FinishReason, GeneratorError, sample_seed
from trialbox.synthesis.pipeline import Grading, Pipeline, Progress, Recordings
from trialbox.synthesis.pipeline.sources import Batch, Indices, _answer
from trialbox.synthesis.results import stored_report, write
from trialbox.synthesis.store import ErrorClass, ProgramRow, SampleRow, Store, StoredRun, begin
from trialbox.synthesis.tasks import Sample

HANGS = "while True: pass"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with hosts.serving({"SLOTS": "2"}) as server:
        yield server.address


def opened(folder: Path) -> Store:
    return begin(folder, tasks=TASKS, fixed={}, grading={}, free={}, resume=True)


def grading(box: AsyncSandbox) -> Grading:
    return Grading(box=box, tasks=TASKS, case_seconds=60)


async def done(folder: Path, writer: Writer, address: str | None, **options: int) -> list[SampleRow]:
    """Do what is left of a run; without an address, only sample."""
    with opened(folder) as store:
        pipeline = Pipeline(store)
        if address is None:
            await pipeline.run(sampling(writer, **options), None)
        else:
            async with AsyncSandbox(address) as box:
                await pipeline.run(sampling(writer, **options), grading(box))
    with StoredRun(folder) as run:
        return list(run.samples())


def table(folder: Path) -> list[tuple[str, int, bool, ErrorClass | None, list[str]]]:
    with StoredRun(folder) as run:
        return [
            (
                item.sample.task.task_id,
                item.sample.index,
                item.passed,
                item.error_class,
                [result.verdict for _, result in item.cases],
            )
            for item in stored_report(run, TASKS).graded
        ]


async def test_every_sample_comes_to_a_verdict_and_equal_programs_to_one_execution(
    tmp_path: Path, address: str
) -> None:
    rows = await done(tmp_path, Writer(), address, samples=24)
    wanted_rows = [(task.task_id, index) for task in TASKS for index in range(24)]
    assert [(row.task_id, row.index) for row in rows] == wanted_rows
    assert [row.seed for row in rows] == [sample_seed(0, row.task_id, row.index) for row in rows]
    told = {(task_id, index): (passed, error) for task_id, index, passed, error, _ in table(tmp_path)}
    for row in rows:
        assert row.seed is not None
        kind = row.seed % 4
        wanted = {0: (False, ErrorClass.NO_CODE), 1: (True, None)}.get(kind, (False, ErrorClass.WRONG_RESULT))
        assert told[row.task_id, row.index] == wanted
    with StoredRun(tmp_path) as run:
        programs = list(run.programs())
        assert len(programs) == len({(program.task_id, program.source) for program in programs}) < 60


@pytest.mark.parametrize("together", [1, 5])
async def test_a_run_that_was_cut_comes_to_what_an_undisturbed_one_does(
    tmp_path: Path, address: str, together: int
) -> None:
    whole = await done(tmp_path / "whole", Writer(), address, samples=6)
    for _ in range(3):
        with pytest.raises(GeneratorError, match="the model is gone"):
            await done(tmp_path / "cut", Writer(together, fails_after=5), address, samples=6)
    last = Writer(together)
    cut = await done(tmp_path / "cut", last, address, samples=6)
    assert len(last.asked) < 18, "what was there is not asked for again"

    def without_program_ids(rows: list[SampleRow]) -> list[tuple[object, ...]]:
        return [(row.task_id, row.index, row.prompt_id, row.seed, row.text, row.tokens) for row in rows]

    assert without_program_ids(cut) == without_program_ids(whole)
    assert table(tmp_path / "cut") == table(tmp_path / "whole")


async def test_another_run_seed_gives_other_samples(tmp_path: Path) -> None:
    first = await done(tmp_path / "first", Writer(), None)
    second = await done(tmp_path / "second", Writer(), None, seed=1)
    assert [row.text for row in first] != [row.text for row in second]


async def test_when_the_generator_fails_it_is_closed_and_all_that_it_gave_is_kept(tmp_path: Path, address: str) -> None:
    writer = Writer(together=3, fails_after=6)
    with pytest.raises(GeneratorError, match="the model is gone"):
        await done(tmp_path, writer, address)
    assert writer.closed
    with opened(tmp_path) as store:
        assert store.counts().samples == 6


async def test_what_is_sampled_now_can_be_graded_later(tmp_path: Path, address: str) -> None:
    await done(tmp_path, Writer(), None)
    assert [program.evaluation for program in programs(tmp_path)] == [None] * len(programs(tmp_path))
    with opened(tmp_path) as store:
        async with AsyncSandbox(address) as box:
            await Pipeline(store).run(None, grading(box))
        assert store.counts().graded == store.counts().programs > 0


def programs(folder: Path) -> list[ProgramRow]:
    with StoredRun(folder) as run:
        return list(run.programs())


async def test_when_the_sandbox_fails_samples_are_kept_and_the_run_goes_on_elsewhere(
    tmp_path: Path, address: str
) -> None:
    await done(tmp_path, Writer(fails_after=None), None, samples=2)
    with opened(tmp_path) as store:
        async with AsyncSandbox(f"unix:{tmp_path}/absent", retry=False) as nowhere:
            with pytest.raises(SandboxError):
                await Pipeline(store).run(None, grading(nowhere))
        assert store.counts().samples == 6
    await done(tmp_path, Writer(), address, samples=2)
    with opened(tmp_path) as store:
        assert store.counts().graded == store.counts().programs


@dataclass(frozen=True, slots=True)
class AfterTheFirstVerdict:
    """Recorded samples, of which the rest comes when the first has its verdict."""

    recorded: Recordings
    verdict: asyncio.Event

    @property
    def wanted(self) -> int:
        return self.recorded.wanted

    async def batches(self, there: Indices) -> AsyncGenerator[Batch, None]:
        first, *rest = [answer async for batch in self.recorded.batches(there) for answer in batch()]
        yield lambda: [first]
        await self.verdict.wait()
        yield lambda: rest


async def test_verdicts_are_kept_and_samples_taken_while_programs_hang(tmp_path: Path, address: str) -> None:
    """No verdict comes after the first, so nothing else would make the pipeline look at its watch."""
    sources = [TASKS[0].reference or "", *(f"{HANGS} # {n}" for n in range(1000))]
    recorded = [Sample(task=TASKS[0], index=index, source=source) for index, source in enumerate(sources)]
    first, all_taken = asyncio.Event(), asyncio.Event()

    def show(progress: Progress) -> None:
        if progress.graded == 1:
            first.set()
        if progress.samples == len(sources):
            all_taken.set()

    with opened(tmp_path) as store:
        async with AsyncSandbox(address) as box:
            source = AfterTheFirstVerdict(Recordings(recorded, len(recorded)), first)
            running = asyncio.create_task(Pipeline(store, show).run(source, grading(box)))
            waiting = asyncio.create_task(all_taken.wait())
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
            assert all_taken.is_set()
            with StoredRun(tmp_path) as run:
                assert [item.passed for item in stored_report(run, TASKS).graded] == [True]
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        assert (store.counts().samples, store.counts().graded) == (len(sources), 1)


async def test_whatever_a_program_is_made_of_it_has_verdicts_and_is_told_of(tmp_path: Path, address: str) -> None:
    sources = {
        "": ErrorClass.OTHER_RUNTIME,
        "\0": ErrorClass.SYNTAX,
        "'\ud800'": ErrorClass.SYNTAX,
        "(" * 5000: ErrorClass.SYNTAX,
        f"n = '{'<script>' * 100_000}'": ErrorClass.OTHER_RUNTIME,
        "def add(n): return '\\ud800\\0]]>'": ErrorClass.WRONG_RESULT,
        "class SyntaxError(Exception): pass\nraise SyntaxError('\\ud800')": ErrorClass.SYNTAX,
        "def add(n): return bytearray(1 << 40)": ErrorClass.MEMORY,
        "import os\nos._exit(0)": ErrorClass.OTHER_RUNTIME,
    }
    recorded = [Sample(task=TASKS[0], index=index, source=source) for index, source in enumerate(sources)]
    with opened(tmp_path) as store:
        async with AsyncSandbox(address) as box:
            await Pipeline(store).run(Recordings(recorded, len(recorded)), grading(box))
    with StoredRun(tmp_path) as run:
        report = stored_report(run, TASKS)
        assert [(item.sample.source[:20], item.error_class) for item in report.graded] == [
            (source[:20], kind) for source, kind in sources.items()
        ]
        write(report, tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())["programs"] == len(sources)


def test_an_answer_that_no_service_would_take_holds_no_program() -> None:
    request = next(sampling(Writer())._requests({task.task_id: set() for task in TASKS}))
    told = {"finish_reason": FinishReason.STOP, "tokens": None, "seconds": None}
    for length, has_program in ((1000, True), (2 << 20, False)):
        completion = Completion(request=request, text=f"n = '{'1' * length}'", **told)  # type: ignore[arg-type]
        assert (_answer(completion, TASKS[0]).source is not None) is has_program
