"""Reads the programs in cheats/ and honest/, and what their first lines say of them.

A program begins with lines `# key: value`:

    kind       what sort of cheat it is
    origin     published: it, or a close kin of it, was seen to fool a published grader; own: made for this one
    task       its entry in graded_tasks.py; perimeter where left out
    fools      the graders of naive_graders.py that accept it, or
    attacks    the part of this grader that it goes for
    verdicts   those that are right, joined by `|`: one word for all cases, or one for each
    runtime    python where left out
    beside     files of beside/ that lie beside it, to be imported
    next       the program of accomplices/ to be graded after it in the same place
    naive      never: it is not to be run outside of a jail
    newlines   CRLF: lines are to end so

All but kind and verdicts are for honest programs too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graded_tasks import TASKS, Task

FOLDER = Path(__file__).parent
_KEYS = {
    "kind", "origin", "task", "fools", "attacks", "verdicts", "runtime", "beside", "next", "naive", "newlines",
}  # fmt: skip
_ALLOWED = {"origin": {"published", "own"}, "naive": {"never"}, "newlines": {"CRLF"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusProgram:
    """One program of the corpus."""

    name: str
    source: bytes
    task_name: str
    published: bool
    kind: str
    fools: tuple[str, ...]
    attacks: str
    verdicts: tuple[frozenset[str], ...]
    runtime: str | None
    beside: tuple[str, ...]
    next_source: bytes
    """The program that comes after it in the same place; empty where none does."""
    harmful: bool
    """Whether it is not to be run outside of a jail."""

    @property
    def is_honest(self) -> bool:
        """Whether it must pass."""
        return not self.kind

    @property
    def task(self) -> Task:
        """What it is graded by."""
        return TASKS[self.task_name]

    @property
    def files(self) -> dict[str, bytes]:
        """What lies beside it."""
        return {name: (FOLDER / "beside" / name).read_bytes() for name in self.beside}

    def right_verdicts(self, count: int) -> list[frozenset[str]]:
        """The verdicts that are right for each of `count` cases."""
        return list(self.verdicts) * count if len(self.verdicts) == 1 else list(self.verdicts)


def cheats() -> list[CorpusProgram]:
    """All programs that must not pass."""
    return list(_read("cheats"))


def honest_programs() -> list[CorpusProgram]:
    """All programs that must pass."""
    return list(_read("honest"))


def _read(folder: str) -> Iterator[CorpusProgram]:
    for path in sorted((FOLDER / folder).glob("*.py")):
        source = path.read_bytes()
        told = _header(path, source)
        yield CorpusProgram(
            name=path.stem,
            source=source.replace(b"\n", b"\r\n") if "newlines" in told else source,
            task_name=told.get("task", "perimeter"),
            published=told.get("origin") == "published",
            kind=told.get("kind", ""),
            fools=tuple(told.get("fools", "").split()),
            attacks=told.get("attacks", ""),
            verdicts=tuple(frozenset(words.split("|")) for words in told.get("verdicts", "").split()),
            runtime=told.get("runtime"),
            beside=tuple(told.get("beside", "").split()),
            next_source=(FOLDER / "accomplices" / told["next"]).read_bytes() if "next" in told else b"",
            harmful="naive" in told,
        )


def _header(path: Path, source: bytes) -> dict[str, str]:
    """Read the lines at the top; raises ValueError at one that means nothing."""
    told: dict[str, str] = {}
    for line in source.decode().splitlines():
        if not line.startswith("# "):
            break
        key, colon, value = line.removeprefix("# ").partition(": ")
        if not colon or key not in _KEYS or value not in _ALLOWED.get(key, {value}):
            raise ValueError(f"{path.name}: {line!r} is no line of a header")
        told[key] = value
    return told
