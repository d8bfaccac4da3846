"""The yardstick's worker: a fork for each program, on one core, without any isolation.

Runs as a process of its own, by path, under `python -I -S`: CORE SECONDS FIRST_NUMBER COMPILER. Nothing is
preloaded: it imports no more than the interpreter has loaded anyway and, while COMPILER is `fresh`, calls
`compile` in the children only. A process's first call sets up the types of the syntax tree, about a millisecond
that each child so pays for itself; with `warmed` the parent has paid it once for all.

It runs one program after another and then writes the nanoseconds that each took.
"""

import gc
import os
import sys
import time

# The first forks are slower, and the other cores' workers are still starting.
_UNTIMED = 20


# All that is measured runs these programs. They are defined here, since this script can import nothing of ours.
def source_of(number: int) -> str:
    """A program that no other number has; all cost the same."""
    return f"print(sum(range({number}, {number} + 1000)))"


def answer_to(number: int) -> bytes:
    """What it prints."""
    return b"%d\n" % (1000 * number + 499_500)


def main() -> None:
    """Run programs until the time is over."""
    core, seconds, first, compiler = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    if compiler == "warmed":
        compile("", "main.py", "exec")
    # Made by that first call: whoever else made them would have changed the yardstick.
    if (compiler == "warmed") is not any(kind.__name__ == "AST" for kind in object.__subclasses__()):
        sys.exit(f"bare fork: the compiler is not {compiler}")
    gc.freeze()
    number = int(first)
    for _ in range(_UNTIMED):
        _run(number)
        number += 1
    taken = []
    began = time.perf_counter_ns()
    deadline = began + int(float(seconds) * 1e9)
    while began < deadline:
        _run(number)
        number += 1
        ended = time.perf_counter_ns()
        taken.append(ended - began)
        began = ended
    sys.stdout.write(" ".join(map(str, taken)))


def _run(number: int) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(writer, 1)
            exec(compile(source_of(number), "main.py", "exec"), {"__name__": "__main__"})
            sys.stdout.flush()
        finally:
            os._exit(0)
    os.close(writer)
    output = b""
    while some := os.read(reader, 1 << 16):
        output += some
    os.close(reader)
    os.waitpid(child, 0)
    if output != answer_to(number):
        sys.exit(f"bare fork: wrong answer to {source_of(number)}: {output!r}")


if __name__ == "__main__":
    main()
