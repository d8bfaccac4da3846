"""A judge that stands ready: knows no program, and judges each suite that the host sends, in a fork where it must.

With a suite come a descriptor for records and a control socket, for judge.py; the host is told when it is begun
and ended. What test code does to its process ends with the fork; code that does nothing to it needs none.
"""

import _signal  # type: ignore[import-not-found]
import _socket
import gc
import marshal
import os
import sys

import briefs
import comparators
import frames
import judge
import plain
import trust
import trust_traces
import values

_DESCRIPTORS, _DESCRIPTOR_BYTES = 3, 4
_WORD_BYTES = 16
_WARM_UP_ASSERT = b"assert f([1, 2], a=(3, 4)) == {5: 'b'}, 'no'"
_WARM_UP_CHECK = b"def check(g):\n    assert abs(g(1) - 2.5) < 1\n\ncheck(f)\n"

_myself = sys.modules[__name__]
_packets = -1


def begin(data: bytes, packets: int) -> None:
    """Get ready to be the main script's only import."""
    global _packets
    _packets = packets
    sys.modules["judging"] = _myself


def main() -> None:
    """Judge one suite after another."""
    del sys.modules["judging"]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    packets = _socket.socket(fileno=_packets)
    gc.freeze()
    while True:
        descriptors = _receive(packets)
        suite, results, control = descriptors
        data = marshal.loads(os.pread(suite, os.fstat(suite).st_size, 0))
        os.close(suite)
        one = judge.Judge(*data, results=results, control=control)
        status = left = 0
        if one.settle_trust():
            packets.send(b"started")
            one.run()
        else:
            child = os.fork()
            if not child:
                packets.send(b"started")
                packets.close()
                one.run()
                os._exit(0)
            _, status = os.waitpid(child, 0)
            left = _end_all()
        one.close()
        # Nothing of it is to take room that the next one needs.
        del one, data
        trust_traces.forget()
        gc.collect()
        packets.send(b"ended %d %d" % (status, left))


def warm_up() -> None:
    """Use what most suites need, so that judges share what that leaves in memory."""
    for value in ((1, "a", [2.5, {"b": None}]), ({1}, (True,))):
        briefs.brief(values.decode(values.encode(value)))
    for source in (_WARM_UP_ASSERT, _WARM_UP_CHECK):
        tree = trust.Planner(b"").analyse(source).tree
        if tree is not None:
            plain.is_plain(tree)
    frames.unpack(frames.pack(b"a", b"b"))
    exec(compile(_WARM_UP_ASSERT, "<case>", "exec", dont_inherit=True), {"f": lambda *_, **__: {5: "b"}})
    comparators.same(comparators.EQUAL, [1.5], [1.5], 0.1, 0.0, ())


def _receive(packets: "_socket.socket") -> "list[int]":
    space = _socket.CMSG_SPACE(_DESCRIPTORS * _DESCRIPTOR_BYTES)
    _, ancillary, _, _ = packets.recvmsg(_WORD_BYTES, space, _socket.MSG_CMSG_CLOEXEC)
    if not ancillary:
        os._exit(0)
    return list(memoryview(ancillary[0][2]).cast("i"))


def _end_all() -> bool:
    """End whatever else has this process's id, which test code left behind; whether there was anything."""
    try:
        os.kill(-1, _signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
