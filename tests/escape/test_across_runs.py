"""What a program changes, leaves or holds is not there for the next program in the same place."""

import json
import os
import re
import secrets
import sys

import hosts
import pytest
from executions import Run, printed
from snippets import PRELUDE, TURN_DEAF

from trialbox.client import Limits, Sandbox

INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", sys.executable))

# The process


# What a program can change of itself: how it does so, and how it is seen. No look may change what it looks at.
CHANGES = {
    "an environment variable": ("os.environ['PLANTED'] = 'x'", "sorted(os.environ.items())"),
    "the environment of children": (
        "os.putenv('PLANTED', 'x')",
        "sorted(subprocess.run(['/usr/bin/env'], capture_output=True).stdout.splitlines())",
    ),
    "the working directory": ("os.chdir('/tmp')", "os.getcwd()"),
    "the file mode mask": ("os.umask(0o077)", "status('Umask')"),
    "a builtin function": ("builtins.sorted = reversed", "str(sorted)"),
    "a new builtin": ("builtins.planted = 1", "sorted(vars(builtins))"),
    "a method of a builtin type": (
        "gc.get_referents(vars(str))[0]['planted'] = 1",
        "sorted(vars(str))",
    ),
    "a number": ("ctypes.c_int.from_address(id(201) + 24).value = 202", "int('201')"),
    "a function of the standard library": ("os.getcwd = lambda: '/planted'", "os.getcwd()"),
    "a module's place": ("sys.modules['json'] = sys", "__import__('json').__name__"),
    "an imported module": ("import decimal", "sorted(sys.modules)"),
    "the search path": ("sys.path.insert(0, '/tmp')", "sys.path"),
    "the importers": ("sys.meta_path.pop()", "[len(sys.meta_path), len(sys.path_hooks)]"),
    "an exit handler": ("atexit.register(print, 'planted', file=sys.stderr)", "atexit._ncallbacks()"),
    "the recursion limit": ("sys.setrecursionlimit(500)", "sys.getrecursionlimit()"),
    "a trace function": ("sys.settrace(lambda *_: None)", "sys.gettrace() is None"),
    "a profile function": ("threading.setprofile(print); sys.setprofile(lambda *_: None)", "sys.getprofile() is None"),
    "the exception hook": ("sys.excepthook = print", "sys.excepthook is sys.__excepthook__"),
    "the garbage collector": ("gc.disable(); gc.set_threshold(9)", "[gc.isenabled(), gc.get_threshold()]"),
    "the locale": ("locale.setlocale(locale.LC_ALL, 'C')", "locale.setlocale(locale.LC_ALL)"),
    "the time zone": ("os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()", "time.tzname"),
    "the seed of C": ("libc.srand(7)", "[libc.rand() for _ in range(4)]"),
    "a signal handler": ("signal.signal(signal.SIGUSR1, print)", "status('SigCgt')"),
    "an ignored signal": ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "status('SigIgn')"),
    "a blocked signal": ("signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})", "status('SigBlk')"),
    "a pending signal": (
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}); os.kill(os.getpid(), signal.SIGUSR1)",
        "status('ShdPnd', 'SigPnd')",
    ),
    "a timer": ("signal.setitimer(signal.ITIMER_REAL, 1000)", "signal.getitimer(signal.ITIMER_REAL)[0] > 0"),
    "an alarm": ("signal.alarm(1000)", "signal.alarm(0) > 0"),
    "a resource limit": (
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))",
        "[resource.getrlimit(number) for number in range(16)]",
    ),
    "the niceness": ("os.nice(5)", "os.getpriority(os.PRIO_PROCESS, 0)"),
    "the niceness of the user": (
        "os.setpriority(os.PRIO_USER, 1000, 7)",
        "[os.getpriority(kind, 0) for kind in (os.PRIO_PROCESS, os.PRIO_PGRP, os.PRIO_USER)]",
    ),
    "the scheduler": (
        "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))",
        "[os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))]",
    ),
    "the process's name": ("libc.prctl(15, b'planted')", "open('/proc/self/comm').read()"),
    "the command line": (
        "ctypes.memset(int(open('/proc/self/stat').read().split()[47]), 65, 4)",
        "open('/proc/self/cmdline', 'rb').read()",
    ),
    "whether it can be dumped": ("libc.prctl(4, 0)", "libc.prctl(3)"),
    "the timer slack": ("libc.prctl(29, 12345)", "libc.prctl(30)"),
    "the signal of its parent's death": (
        "libc.prctl(1, 10)",
        "[libc.prctl(2, ctypes.byref(b := ctypes.c_int())), b.value]",
    ),
    "who adopts orphans": ("libc.prctl(36, 1)", "[libc.prctl(37, ctypes.byref(b := ctypes.c_int())), b.value]"),
    "huge pages": ("libc.prctl(41, 1, 0, 0, 0)", "libc.prctl(42, 0, 0, 0, 0)"),
    "locked memory": ("libc.mlock(ctypes.c_void_p(id(libc)), 1)", "status('VmLck')"),
    "a mapped library": ("ctypes.CDLL('libresolv.so.2')", "mapped_files()"),
    "open descriptors": (
        "[os.dup2(0, number) for number in range(10, 200)]",
        "[number for number in range(4096) if os.path.lexists(f'/proc/self/fd/{number}')]",
    ),
    "a thread": ("threading.Thread(target=signal.pause, daemon=True).start()", "os.listdir('/proc/self/task')"),
    "blocking": ("[os.set_blocking(number, False) for number in (0, 1, 2)]", "list(map(os.get_blocking, range(3)))"),
    "asynchronous notice": (
        "signal.signal(signal.SIGIO, signal.SIG_IGN)\n"
        "for number in (1, 2): fcntl.ioctl(number, 0x5452, struct.pack('i', 1))",
        "[fcntl.fcntl(number, fcntl.F_GETFL) for number in (0, 1, 2)]",
    ),
    "the size of its pipes": (
        "[fcntl.fcntl(number, 1031, 4096) for number in (1, 2)]",
        "[fcntl.fcntl(number, 1032) for number in (1, 2)]",
    ),
    "how far it has read": ("os.read(0, 3)", "os.lseek(0, 0, os.SEEK_CUR)"),
    "how much is left of its folders": (
        "held = [open(f, 'wb+') for f in ('/work/x', '/tmp/x', '/dev/shm/x')]\n"
        "for file in held: file.write(bytes(1 << 20)); file.flush(); os.unlink(file.name)",
        "[(s.f_bfree, s.f_ffree) for s in map(os.statvfs, ('/work', '/tmp', '/dev/shm'))]",
    ),
    "the modes of its folders": (
        "os.chmod('/work', 0o700)",
        "[oct(os.stat(folder).st_mode) for folder in ('/work', '/tmp', '/dev/shm', '/', '/proc')]",
    ),
    "its children": ("os.fork() or signal.pause()", "[name for name in os.listdir('/proc') if name.isdigit()][1:]"),
    "what its children used": (
        "os.fork() or [0 for _ in range(4 * 10**6)] and os._exit(0); os.wait()",
        "resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > 0.01",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_program_changes_is_as_ever_in_the_next(run_on_one_slot: Run, what: str) -> None:
    change, look = CHANGES[what]
    looking = f"{PRELUDE}\nprint(repr({look}))"
    changing = f"{PRELUDE}\n{change}\nprint(repr({look}), flush=True)\nos._exit(0)"
    before = printed(run_on_one_slot(looking, stdin="standard input"))
    changed = printed(run_on_one_slot(changing, stdin="standard input"))
    assert changed != before, "the program does not see its own change"
    assert printed(run_on_one_slot(looking, stdin="standard input")) == before


def test_warm_runs_follow_each_other_in_one_jail_unlike_cold_ones(run_on_one_slot: Run, isolation_path: str) -> None:
    # Where libraries lie is chosen when a jail starts; were it not so, the tests here would show less than they say.
    source = "print(min(line for line in open('/proc/self/maps') if 'libc' in line).split('-')[0])"
    places = {printed(run_on_one_slot(source)) for _ in range(5)}
    assert len(places) == (1 if isolation_path == "warm" else 5)


def test_standard_streams_are_new_objects_for_every_program(run_on_one_slot: Run) -> None:
    source = "import os; print(*[os.fstat(number).st_ino for number in (0, 1, 2, 0, 1, 2)])"
    numbers = [printed(run_on_one_slot(source)).split() for _ in range(5)]
    assert all(seen[:3] == seen[3:] for seen in numbers)
    assert len({number for seen in numbers for number in seen}) == 5 * 3


def test_exit_handlers_and_threads_of_a_program_do_nothing_in_the_next(run_on_one_slot: Run) -> None:
    leave = """
import atexit, os, threading, time
def bother():
    while True: os.write(1, b"planted")
atexit.register(print, "planted")
threading.Thread(target=bother, daemon=True).start()
if os.fork() == 0: bother()
"""
    assert b"planted" in run_on_one_slot(leave, limits=Limits(output_bytes=10000)).stdout
    execution = run_on_one_slot("import time; time.sleep(0.1)")
    assert (execution.stdout, execution.stderr) == (b"", b"")


# Chance

DRAW = """
import os, random, secrets, ssl, tempfile, uuid
print(random.random(), random.getrandbits(64), random.choice(range(10**9)), secrets.token_hex(), uuid.uuid4())
print(os.urandom(8).hex(), ssl.RAND_bytes(8).hex(), tempfile.mkdtemp(), tempfile.mkdtemp())
"""


def _assert_all_differ(draws: list[str]) -> None:
    drawn = [word for draw in draws for word in draw.split()]
    assert len(set(drawn)) == len(drawn) == len(draws) * 9


def test_no_two_programs_draw_the_same_random_values(run_on_one_slot: Run) -> None:
    _assert_all_differ([printed(run_on_one_slot(DRAW)) for _ in range(6)])
    # the seed that makes them the same in one program is not there in the next
    seeded = DRAW.replace("\nprint", "\nrandom.seed(1)\nprint", 1)
    first, second, third = (printed(run_on_one_slot(source)).split() for source in (seeded, seeded, DRAW))
    assert first[:3] == second[:3] != third[:3]


def test_no_two_programs_draw_the_same_where_the_modules_were_loaded_before(isolation_path: str) -> None:
    modules = ["random", "secrets", "ssl", "tempfile", "uuid", "hashlib"]
    runtime = {"python": {"interpreter": INTERPRETER, "preload": modules}}
    settings = {"spare_slots": "0", "runtimes": json.dumps(runtime)}
    with Sandbox.local(slots=1, settings=settings) as box:
        loaded = printed(box.run("import sys; print('random' in sys.modules)", isolation=isolation_path))
        assert loaded == str(isolation_path == "warm")
        _assert_all_differ([printed(box.run(DRAW, isolation=isolation_path)) for _ in range(6)])


# Processes

# Each leaves what it can: a daemon that ignores what can be ignored, its threads, and its children.
DAEMONS = f"""{TURN_DEAF}
import os, signal, sys, threading, time
ready_read, ready_write = os.pipe()
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            turn_deaf()
            threading.Thread(target=time.sleep, args=(600,)).start()
            os.write(ready_write, b"x")
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", MARKER])
        os._exit(0)
while len(os.read(ready_read, 1)) and len([name for name in os.listdir("/proc") if name.isdigit()]) < 4: pass
print(len([name for name in os.listdir("/proc") if name.isdigit()]) >= 4)
"""


def test_daemons_are_gone_before_the_answer_arrives_and_unknown_to_the_next_program(run_on_one_slot: Run) -> None:
    look = """
import os
found = [name for name in os.listdir("/proc") if name.isdigit()]
try: os.kill(-1, 0)
except ProcessLookupError: found.append("no other")
for number in range(1, 300):
    try: os.kill(number, 0); found.append(f"{number} may be signalled")
    except PermissionError: found.append(f"{number} is there")
    except ProcessLookupError: pass
print(found, os.getpid(), os.listdir("/proc/self/task"))
"""
    marker = f"daemon-{secrets.token_hex(8)}"
    leave = DAEMONS.replace("MARKER", repr(marker))
    alone = printed(run_on_one_slot(look))
    number = re.findall(r"\d+", alone)[0]
    assert alone == f"{[number, 'no other', '1 is there', f'{number} may be signalled']} {number} {[number]}"
    for _ in range(3):
        assert printed(run_on_one_slot(leave)) == "True"
        assert not hosts.marked(marker)
        assert printed(run_on_one_slot(look)) == alone


@pytest.mark.parametrize(
    "statement",
    [
        "resource.prlimit(1, resource.RLIMIT_NOFILE, (9, 9))",
        "resource.prlimit(1, resource.RLIMIT_NOFILE)",
        "os.sched_setaffinity(1, {0})",
        "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))",
        "os.setpriority(os.PRIO_PROCESS, 1, 9)",
        "os.setpgid(1, os.getpgrp())",
        "signal.pidfd_send_signal(os.pidfd_open(1), signal.SIGKILL)",
        "os.listdir('/proc/1')",
        "open('/proc/1/mem', 'rb+')",
        "open('/proc/1/maps')",
        "os.listdir('/proc/1/fd')",
        "os.readlink('/proc/1/exe')",
        "os.kill(0, 0) or os.killpg(1, 9)",
    ],
)
def test_the_init_that_shares_memory_with_the_fork_server_is_out_of_reach(run: Run, statement: str) -> None:
    assert printed(run(f"{PRELUDE}\nprint(attempt(lambda: {statement}))")) in ("EPERM", "EACCES", "ESRCH", "ENOENT")
