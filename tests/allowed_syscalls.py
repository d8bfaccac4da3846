"""Writes docs/allowed-syscalls.txt: every system call that a program in a jail may make, and with which arguments.

It is read off the filter that programs run under, instruction by instruction, for every number there can be. The test
in escape/ holds the file to it, and the filter's answers to what really comes back in a jail.
"""

import errno
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import bpf
import pyseccomp

from trialbox.server import seccomp

FILE = Path(__file__).resolve().parents[1] / "docs" / "allowed-syscalls.txt"
X86_64, I386 = 0xC000003E, 0x40000003
X32_BIT = 0x4000_0000
NO_CALL = 0xFFFF_FFFF
ALLOWED, KILLED = "allowed", "killed"
_ACTIONS = {0x7FFF_0000: ALLOWED, 0x8000_0000: KILLED}
_RETURN_ERRNO, _ERRNO_MASK = 0x0005_0000, 0xFFFF
_WORD = 0xFFFF_FFFF
_NUMBERS = 1 << 32
UNFILTERED = {335: "uretprobe", 336: "uprobe"}
"""Linux 6.14 and later show these to no filter: whoever calls them where no probe is gets SIGILL or an error."""
LINUX_NUMBERS = 600
"""More than there are."""
_RELATIONS = {(0x10, True): "=", (0x10, False): "!=", (0x20, True): ">", (0x20, False): "<=", (0x30, True): ">=",
              (0x30, False): "<", (0x40, True): "has any of", (0x40, False): "has none of"}  # fmt: skip
_HEAD = """\
# What system calls a program in a jail may make on x86-64, read off the filter it runs under.
# `make allowed-syscalls` writes this file; a test fails where it is out of date.
#
# argN is the whole register, low argN what the kernel takes of it where it takes an int.
"""

Part = tuple[str, str, int]
"""A subject, a relation, and a number."""


def answer(action: int) -> str:
    """The name of what a filter returns: allowed, killed, pretended or the name of an error."""
    if action in _ACTIONS:
        return _ACTIONS[action]
    if action & ~_ERRNO_MASK != _RETURN_ERRNO:
        raise ValueError(f"no action that this filter should have: {action:#x}")
    return errno.errorcode[action & _ERRNO_MASK] if action & _ERRNO_MASK else "pretended"


def program() -> list[bpf.Instruction]:
    """The filter of this machine."""
    return bpf.decode(seccomp.program_filter())


def numbers(instructions: list[bpf.Instruction]) -> list[int]:
    """Every number that Linux may know, and of all others one in each range that the filter can tell apart."""
    compared = {k + near for _, _, _, k in instructions for near in (-1, 0, 1)} | {X32_BIT, NO_CALL}
    return sorted({*range(LINUX_NUMBERS), *(number for number in compared if 0 <= number < _NUMBERS)})


def answers(instructions: list[bpf.Instruction], number: int, architecture: int = X86_64) -> dict[str, list[bpf.Path]]:
    """The ways through the filter that a call of this number can take, by its answer."""
    found = defaultdict(list)
    for path in bpf.paths(instructions, bpf.words(number, architecture)):
        found[answer(path.action)].append(path)
    return dict(found)


def report() -> str:
    """The contents of the file."""
    instructions = program()
    by_answer: dict[str, list[str]] = defaultdict(list)
    for number in numbers(instructions):
        found = answers(instructions, number)
        if number >= X32_BIT:
            if set(found) != ({KILLED} if number != NO_CALL else {"ENOSYS"}):
                raise ValueError(f"x32 call {number:#x} is answered {sorted(found)}")
            continue
        name = _name(number)
        for what, ways in found.items():
            if what == ALLOWED or (what != "ENOSYS" and name):
                by_answer[what] += [f"{name or number} {condition}".rstrip() for condition in _conditions(ways)]
    for number in numbers(instructions):
        if set(answers(instructions, number, I386)) != {KILLED}:
            raise ValueError(f"i386 call {number} is not killed")
    parts = [_HEAD]
    for what, title in _TITLES.items():
        parts.append(f"\n[{title}]\n" + "".join(f"{line}\n" for line in sorted(set(by_answer.pop(what)))))
    if by_answer:
        raise ValueError(f"answers without a title: {sorted(by_answer)}")
    parts.append("\n[ENOSYS]\nall others below 0x40000000, and -1\n")
    parts.append("\n[killed, of other ways in]\nx32: every number from 0x40000000 on but -1\ni386: every number\n")
    unfiltered = "".join(f"{name}\n" for name in UNFILTERED.values())
    parts.append(
        f"\n[shown to no filter by kernels that have them: for probes only, others get SIGILL or ENXIO]\n{unfiltered}"
    )
    return "".join(parts)


_TITLES = {ALLOWED: ALLOWED, "pretended": "pretended: does nothing and succeeds", "EPERM": "EPERM", KILLED: KILLED}


def _name(number: int) -> str:
    try:
        return bytes(pyseccomp.resolve_syscall(pyseccomp.Arch.X86_64, number)).decode()
    except ValueError:  # the library knows none
        return ""


def _conditions(ways: list[bpf.Path]) -> Iterator[str]:
    """Say in words when any of these ways is taken, those together that differ in one number only."""
    merged: dict[tuple[tuple[Part, ...], str], set[int]] = defaultdict(set)
    for way in ways:
        parts = _parts(way)
        equal = [part for part in parts if part[1] == "="]
        if not equal:
            merged[tuple(parts), ""] |= set()
        else:
            subject, _, value = equal[-1]
            merged[tuple(part for part in parts if part != equal[-1]), subject].add(value)
    for (parts_in_common, subject), values in merged.items():
        words = [f"{left} {relation} {value:#x}" for left, relation, value in parts_in_common]
        if subject:
            words.append(f"{subject} = {' '.join(f'{value:#x}' for value in sorted(values))}")
        yield f"where {' and '.join(words)}" if words else ""


def _parts(way: bpf.Path) -> list[Part]:
    conditions = set(way.conditions)
    # What equals something needs no word about what it differs from.
    settled = {each.offset for each in conditions if each.comparison == 0x10 and each.holds}
    conditions = {each for each in conditions if each.holds or each.offset not in settled}
    found = []
    for condition in sorted(conditions):
        position, upper = divmod(condition.offset - bpf.offset_of(0), 8)
        if upper and condition.operand == 0 and condition.holds and condition.offset - 4 in settled:
            continue  # said with the lower half
        whole = bpf.Condition(condition.offset + 4, _WORD, 0x10, 0, True) in conditions
        half = "high " if upper else "" if whole else "low "
        mask = "" if condition.mask == _WORD else f" & {condition.mask:#x}"
        relation = _RELATIONS[condition.comparison, condition.holds]
        found.append((f"{half}arg{position}{mask}", relation, condition.operand))
    return found


if __name__ == "__main__":
    FILE.write_text(report())
