"""PID 1 of a jail: starts the program, ends it when told or when time is up, reports.

Messages on the control socket (frames of fields, one a packet):
  program to host  confined | ready | failed, errno, text
  host to init     load | go, wall ns | kill, reason | collect, maximum bytes, pattern... | exit
  init to host     end, reason, wait status, user µs, system µs, wall ns | collected
The program's process sends its own messages so that the kernel tells the host its pid.
The jail may have been started ahead of its request: `load` says that the payload is
complete, `go` that its limits are in force. The reason in `end` is empty when the program
ended by itself.
"""

import _signal  # type: ignore[import-not-found]  # signal itself costs 5 ms
import errno
import os
import sys
import time

import confine
import frames
import workspace

CONTROL = 3
PAYLOAD = 4
RESULTS = 5
PROGRAM_USER = 1000
PACKET_BYTES = 65536
_REAPED_A_TURN = 256

_GUEST_MODULES = ("init", "confine", "frames", "syscalls", "workspace")
_GUEST_FOLDER = "/run/trialbox"


def main() -> None:
    """Fork the program. Returns in the program's process only, confined and set up."""
    gate_read, gate_write = os.pipe()
    program = os.fork()
    if program:
        os.close(PAYLOAD)
        os.close(gate_read)
        _supervise(program, gate_write)
        os._exit(0)
    os.close(gate_write)
    _become_program(gate_read)


def _become_program(gate: int) -> None:
    confine.confine(PROGRAM_USER)
    _send(b"confined")
    _pass(gate)
    try:
        mode, limits, arguments, environment, files = frames.unpack(_read_all(PAYLOAD))[:5]
        workspace.write_files(frames.unpack(files))
        confine.set_resource_limits([int(text) for text in frames.unpack(limits)])
        os.environ.pop("PYTHONPATH")
        variables = [os.fsdecode(text) for text in frames.unpack(environment)]
        os.environ.update(zip(variables[::2], variables[1::2], strict=True))
        sys.argv[1:] = [os.fsdecode(text) for text in frames.unpack(arguments)]
        sys.orig_argv[2:] = sys.argv[1:]
        for name in _GUEST_MODULES:
            del sys.modules[name]
        if mode == b"harness":
            import harness  # noqa: F401  # now, while no file of the program's can take its name
        sys.path.remove(_GUEST_FOLDER)
        sys.path_importer_cache.pop(_GUEST_FOLDER, None)
        _send(b"ready")
    except OSError as error:
        _send(b"failed", b"%d" % (error.errno or 0), str(error).encode())
        os._exit(70)
    _pass(gate)
    if mode == b"harness":
        os.close(CONTROL)
        os.lseek(PAYLOAD, 0, os.SEEK_SET)
        os.closerange(RESULTS + 1, 1 << 20)
    else:
        os.closerange(CONTROL, 1 << 20)


def _pass(gate: int) -> None:
    if os.read(gate, 1) != b"g":  # init is gone
        os._exit(70)


def _supervise(program: int, gate: int) -> None:
    import select  # here, so that the program's process need not wait for it

    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_read, False)
    os.set_blocking(wakeup_write, False)
    _signal.signal(_signal.SIGCHLD, lambda *_: None)
    _signal.set_wakeup_fd(wakeup_write)
    poller = select.poll()
    poller.register(CONTROL, select.POLLIN)
    poller.register(wakeup_read, select.POLLIN)
    used = _Used()
    reason = b""
    started: int | None = None
    deadline: int | None = None
    status = used.reap(program)
    while status is None:
        remaining = None if deadline is None else max(0, deadline - time.monotonic_ns())
        wait = None if remaining is None else -(-remaining // 1_000_000)
        ready = poller.poll(0 if used.more else wait)
        status = used.reap(program)
        if status is not None:
            break
        if deadline is not None and time.monotonic_ns() >= deadline:
            reason, deadline = b"wall", None
            _kill_everything()
        for descriptor, _ in ready:
            if descriptor == wakeup_read:
                _drain(wakeup_read)
                continue
            name, *fields = _receive()
            if name == b"load":
                _open(gate)
            elif name == b"go":
                started = time.monotonic_ns()
                deadline = started + int(fields[0])
                _open(gate)
            elif name == b"kill" and not reason:
                reason = fields[0]
                _kill_everything()
            elif name == b"exit":
                os._exit(0)
    wall = time.monotonic_ns() - (started or time.monotonic_ns())
    _signal.set_wakeup_fd(-1)
    _end_everything(used)
    _send(b"end", reason, b"%d" % status, b"%d" % used.user_us, b"%d" % used.system_us, b"%d" % wall)
    _collect_until_exit()


class _Used:
    """Processor time of the processes reaped so far."""

    def __init__(self) -> None:
        self.user_us = 0
        self.system_us = 0
        self.more = False

    def reap(self, program: int) -> int | None:
        """Reap what ended; return the wait status of `program` once it is among them.

        `more` says that there may be others: a storm of them must not stop the clock.
        """
        status = None
        self.more = False
        for _ in range(_REAPED_A_TURN):
            try:
                pid, pid_status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return status
            if pid == 0:
                return status
            self.user_us += round(usage.ru_utime * 1e6)
            self.system_us += round(usage.ru_stime * 1e6)
            if pid == program:
                status = pid_status
        self.more = True
        return status


def _end_everything(used: _Used) -> None:
    """Kill and reap whatever the program left running, until nothing is left."""
    while True:
        _kill_everything()
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return
        used.user_us += round(usage.ru_utime * 1e6)
        used.system_us += round(usage.ru_stime * 1e6)


def _kill_everything() -> None:
    try:
        os.kill(-1, _signal.SIGKILL)  # everything in this PID namespace but its init
    except ProcessLookupError:
        pass


def _open(gate: int) -> None:
    try:
        os.write(gate, b"g")
    except BrokenPipeError:
        pass  # the program was killed while it waited: the next reap tells


def _collect_until_exit() -> None:
    while True:
        name, *fields = _receive()
        if name == b"exit":
            return
        if name == b"collect":
            _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
            helper = os.fork()
            if not helper:
                try:
                    os.close(CONTROL)
                    confine.confine(PROGRAM_USER)
                    workspace.collect_files(fields[1:], int(fields[0]), RESULTS)
                finally:
                    os._exit(0)
            os.close(RESULTS)
            os.waitpid(helper, 0)
            _send(b"collected")


def _send(*fields: bytes) -> None:
    os.write(CONTROL, frames.pack(*fields))


def _receive() -> list[bytes]:
    try:
        packet = os.read(CONTROL, PACKET_BYTES)
    except OSError as error:
        if error.errno != errno.ECONNRESET:
            raise
        packet = b""
    if not packet:  # the host is gone: nobody to work for
        os._exit(0)
    return frames.unpack(packet)


def _read_all(descriptor: int) -> bytes:
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        return file.read()


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        pass
