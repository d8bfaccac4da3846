"""The graders that cheats are shown to fool are graders: they tell right from wrong where nobody cheats."""

from dataclasses import replace

import corpus
import naive
import pytest
from corpus import CorpusProgram

RIGHT = {
    "perimeter": b"def square_perimeter(a):\n    return 4 * a\n",
    "dialogue": b"import sys\nfor line in sys.stdin:\n    print(4 * int(line))\n",
}
_ANY = corpus.honest_programs()[0]


def program(task: str, source: bytes, next_source: bytes = b"") -> CorpusProgram:
    return replace(_ANY, name=source.decode(), source=source, next_source=next_source, task_name=task)


@pytest.mark.parametrize("grader", naive.NAMES)
def test_tells_right_from_wrong(grader: str) -> None:
    task = "dialogue" if grader == "stdout_lines" else "perimeter"
    right, wrong = RIGHT[task], RIGHT[task].replace(b"4", b"5")
    if grader == "warm_worker":  # whose verdict is on the program that comes second
        assert naive.accepts(grader, program(task, wrong, right))
        assert not naive.accepts(grader, program(task, right, wrong))
    else:
        assert naive.accepts(grader, program(task, right))
        assert not naive.accepts(grader, program(task, wrong))


def test_a_program_that_never_ends_is_not_accepted() -> None:
    source = b"def square_perimeter(a):\n    while True: pass\n"
    assert not naive.accepts("exit_code", program("perimeter_once", source), seconds=0.5)
