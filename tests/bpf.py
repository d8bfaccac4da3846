"""Runs a seccomp filter's own instructions, as the kernel would; classic BPF, as much of it as seccomp takes.

Of what is not known of a call, arguments mostly, every way through the filter is followed, so that what it answers is
known for all calls there can be.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

Instruction = tuple[int, int, int, int]
Known = Mapping[int, int]
"""Words of struct seccomp_data by their offset."""

NUMBER, ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_INSTRUCTION = struct.Struct("<HBBI")
_WORD = 0xFFFF_FFFF
_EQUAL, _GREATER, _GREATER_OR_EQUAL, _ANY_BIT = 0x10, 0x20, 0x30, 0x40


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """What a comparison found of a word that is not known."""

    offset: int
    mask: int
    comparison: int
    operand: int
    holds: bool


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a filter: what it answers, and under which conditions."""

    action: int
    conditions: tuple[Condition, ...]


def decode(program: bytes) -> list[Instruction]:
    """The instructions of a filter as the kernel takes it."""
    return list(_INSTRUCTION.iter_unpack(program))


def words(number: int, architecture: int, arguments: Iterable[int] = ()) -> dict[int, int]:
    """What is known of a call; arguments that are left out are not."""
    known = {NUMBER: number & _WORD, ARCHITECTURE: architecture}
    for position, argument in enumerate(arguments):
        known[offset_of(position)] = argument & _WORD
        known[offset_of(position) + 4] = argument >> 32 & _WORD
    return known


def offset_of(position: int) -> int:
    """Where the lower half of an argument lies; the upper is 4 further."""
    return _ARGUMENTS + 8 * position


def paths(program: list[Instruction], known: Known) -> Iterator[Path]:
    """Every way through `program` that a call can take of which `known` is known."""
    pending: list[tuple[int, _Value, tuple[Condition, ...]]] = [(0, _Value(constant=0), ())]
    while pending:
        place, value, conditions = pending.pop()
        code, if_true, if_false, k = program[place]
        place += 1
        match code & 0x07, code & 0xF8:
            case 0x00, 0x20:  # ld
                pending.append((place, _Value(constant=known.get(k), offset=k), conditions))
            case 0x04, 0x50:  # and
                pending.append((place, value.masked(k), conditions))
            case 0x05, 0x00:  # ja
                pending.append((place + k, value, conditions))
            case 0x05, comparison:
                for holds, distance in ((True, if_true), (False, if_false)):
                    condition = Condition(value.offset, value.mask, comparison, k, holds)
                    if value.constant is not None:
                        if _compare(comparison, value.constant, k) is holds:
                            pending.append((place + distance, value, conditions))
                    elif _possible((*conditions, condition)):
                        pending.append((place + distance, value, (*conditions, condition)))
            case 0x06, 0x00:  # ret
                yield Path(k, conditions)
            case _:
                raise AssertionError(f"an instruction that this interpreter lacks: {code:#x}")


def decide(program: list[Instruction], known: Known) -> int:
    """What the filter answers a call of which all is known that it looks at."""
    (path,) = paths(program, known)
    return path.action


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """What the accumulator holds: a constant, or a part of a word."""

    constant: int | None = None
    offset: int = 0
    mask: int = _WORD

    def masked(self, mask: int) -> "_Value":
        constant = None if self.constant is None else self.constant & mask
        return _Value(constant=constant, offset=self.offset, mask=self.mask & mask)


def _compare(comparison: int, value: int, operand: int) -> bool:
    return {
        _EQUAL: value == operand,
        _GREATER: value > operand,
        _GREATER_OR_EQUAL: value >= operand,
        _ANY_BIT: bool(value & operand),
    }[comparison]


def _possible(conditions: tuple[Condition, ...]) -> bool:
    """Whether they don't contradict each other, as far as a whole word that is known to equal something tells."""
    wholes = [each for each in conditions if each.comparison == _EQUAL and each.holds]
    return all(
        _compare(other.comparison, whole.operand & other.mask, other.operand) is other.holds
        for whole in wholes
        for other in conditions
        if other.offset == whole.offset and other.mask & whole.mask == other.mask
    )
