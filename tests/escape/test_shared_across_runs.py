"""What programs in one place share, files, locks and names, is as ever for the next."""

import os
import re
import secrets
from pathlib import Path

import pyseccomp
import pytest
from executions import Run, printed
from snippets import PRELUDE

from trialbox.client import Limits

# Of the standard library, and read by next to nobody.
RARELY_READ = str(Path(os.__file__).parent / "turtledemo" / "yinyang.py")
KEY_CALLS = [
    (pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "add_key"), b"user", b"planted", b"x", 1, -3),
    (pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "request_key"), b"user", b"planted", None, -3),
    (pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "keyctl"), 1, b"planted"),
]


# Locks and names

LOCK = """
import fcntl, os, struct

def lock(path, command, kind, start):
    descriptor = os.open(path, os.O_RDONLY)
    answer = fcntl.fcntl(descriptor, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, start, 1, 0))
    return struct.unpack("hhqqi4x", answer)[0]

def locked(path, start):
    return lock(path, fcntl.F_GETLK, fcntl.F_WRLCK, start) != fcntl.F_UNLCK
"""
LOCKABLE = [os.__file__, "/usr/bin/sh", "/dev/null", "/dev/zero", "/dev/urandom", "/proc/self/status", "/run/trialbox"]


@pytest.mark.parametrize("ending", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.read(os.pipe()[0], 1)"])
def test_locks_on_shared_files_are_gone_with_their_program(run_on_one_slot: Run, ending: str) -> None:
    # a place in the file that nobody else on the machine locks
    start = secrets.randbits(48)
    hold = f"""{LOCK}
held_read, held_write = os.pipe()
if os.fork() == 0:
    for path in {LOCKABLE!r}:
        for command in (fcntl.F_SETLK, 37): # the second is F_OFD_SETLK
            try: lock(path, command, fcntl.F_RDLCK, {start})
            except OSError: pass
    os.write(held_write, b"x")
    os.read(os.pipe()[0], 1)
os.read(held_read, 1)
print([path for path in {LOCKABLE!r} if locked(path, {start})], flush=True)
{ending}
"""
    look = f"{LOCK}\nprint([path for path in {LOCKABLE!r} if locked(path, {start})])"
    execution = run_on_one_slot(hold, limits=Limits(wall_seconds=1))
    assert {os.__file__, "/usr/bin/sh"} <= set(eval(execution.stdout)), execution
    assert printed(run_on_one_slot(look)) == "[]"


def test_names_of_sockets_are_free_again_when_their_program_is_gone(run_on_one_slot: Run) -> None:
    take = r"""
import os, socket
taken, free = [], []
for family, kind, address in [
    (socket.AF_UNIX, socket.SOCK_STREAM, "\0planted"),
    (socket.AF_UNIX, socket.SOCK_DGRAM, "\0planted too"),
    (socket.AF_UNIX, socket.SOCK_STREAM, "/tmp/planted"),
    (socket.AF_INET, socket.SOCK_STREAM, ("", 4444)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("", 4444)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::", 4445)),
]:
    taken.append(socket.socket(family, kind))
    taken[-1].bind(address)
    if kind == socket.SOCK_STREAM: taken[-1].listen()
    try: socket.socket(family, kind).bind(address)
    except OSError: print("taken")
if os.fork() == 0:
    os.setsid()
    os.read(os.pipe()[0], 1)
"""
    for _ in range(4):
        assert printed(run_on_one_slot(take)) == "taken\n" * 5 + "taken"


def test_nobody_answers_where_an_earlier_program_listened(run_on_one_slot: Run) -> None:
    knock = r"""
import os, socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    try: socket.socket(socket.AF_UNIX, kind).connect("\0planted" + str(int(kind)))
    except ConnectionRefusedError: print("refused")
    else: print("connected")
"""
    listen = rf"""
import socket
kept = []
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    kept.append(socket.socket(socket.AF_UNIX, kind))
    kept[-1].bind("\0planted" + str(int(kind)))
kept[0].listen()
{knock}
"""
    assert printed(run_on_one_slot(listen)) == "connected\nconnected"
    assert printed(run_on_one_slot(knock)) == "refused\nrefused"


def test_named_shared_memory_semaphores_and_queues_are_refused_or_gone(run_on_one_slot: Run) -> None:
    calls = """
import _posixshmem, _multiprocessing, ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    return errno.errorcode[ctypes.get_errno()] if result in (-1, None) else "done"

def attempt(function, *arguments):
    try: function(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
    return "done"
"""
    plant = f"""{calls}
print(attempt(_posixshmem.shm_open, "/planted", os.O_CREAT | os.O_RDWR, 0o666))
print(attempt(_multiprocessing.SemLock, 1, 1, 1, "/planted", False))
print(attempt(_posixshmem.shm_open, "/planted", os.O_RDWR))
print(attempt(_multiprocessing.SemLock._rebuild, 0, 1, 1, "/planted"))
print(call("shmget", 77, 4096, 0o1666), call("semget", 77, 1, 0o1666), call("msgget", 77, 0o1666))
print(call("mq_open", b"/planted", 0o102, 0o666, None))
"""
    look = f"""{calls}
print(attempt(_posixshmem.shm_open, "/planted", os.O_RDWR))
print(attempt(_multiprocessing.SemLock._rebuild, 0, 1, 1, "/planted"))
print(call("shmget", 77, 4096, 0), call("semget", 77, 1, 0), call("msgget", 77, 0))
print(call("mq_open", b"/planted", 2))
"""
    refused = ["EPERM"] * 4
    assert printed(run_on_one_slot(plant)).split() == ["done"] * 4 + refused
    assert printed(run_on_one_slot(look)).split() == ["ENOENT"] * 2 + refused


def test_names_of_the_host_and_keys_can_not_be_changed_for_the_next(run_on_one_slot: Run) -> None:
    source = f"""{PRELUDE}
def call(name, *arguments):
    return libc[name](*arguments), errno.errorcode[ctypes.get_errno()]
before = os.uname()
print(call("sethostname", b"planted", 7), call("setdomainname", b"planted", 7))
libc.syscall.restype = ctypes.c_long
for number, *arguments in {KEY_CALLS!r}:
    print(libc.syscall(ctypes.c_long(number), *arguments), errno.errorcode[ctypes.get_errno()])
print(before == os.uname(), os.uname().nodename)
"""
    seen = [printed(run_on_one_slot(source)) for _ in range(2)]
    assert seen[0] == seen[1] == "(-1, 'EPERM') (-1, 'EPERM')\n" + "-1 EPERM\n" * len(KEY_CALLS) + "True trialbox"


# What all programs share

TREE = """
import hashlib, os

def digest(top):
    seen = hashlib.sha256()
    count = 0
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        if folder == "/": folders[:] = [name for name in folders if name not in ("proc", "work", "tmp")]
        if folder == "/dev": folders.remove("shm")
        for path in [folder, *(os.path.join(folder, name) for name in sorted(files))]:
            facts = os.lstat(path)
            count += 1
            seen.update(repr((path, *facts[:7], facts.st_mtime_ns, facts.st_ctime_ns)).encode())
    return count, seen.hexdigest()
"""


def test_the_tree_that_programs_share_is_the_same_after_one_tried_to_change_all_of_it(run_on_one_slot: Run) -> None:
    limits = Limits(wall_seconds=60, cpu_seconds=60)
    look = f"{TREE}\nprint(digest('/'), os.stat({RARELY_READ!r}).st_atime_ns)"
    meddle = f"""{TREE}
before = digest("/tmp")
open("/tmp/x", "w").close()
assert digest("/tmp") != before

changed = 0
def attempt(function, *arguments, **named):
    global changed
    try: function(*arguments, **named)
    except OSError: return
    changed += 1

def meddle_with(path):
    attempt(os.utime, path, (1, 1), follow_symlinks=False)
    attempt(os.chmod, path, 0o777)
    attempt(os.setxattr, path, "user.planted", b"x")
    attempt(os.link, path, "/tmp/link")
    attempt(os.rename, path, path + "x")

open({RARELY_READ!r}).read()
for folder, folders, files in os.walk("/"):
    if folder == "/": folders[:] = [name for name in folders if name not in ("proc", "work", "tmp")]
    if folder == "/dev": folders.remove("shm")
    attempt(os.mkdir, folder + "/planted")
    files = [name for name in files if not os.path.islink(os.path.join(folder, name))]
    for name in [".", *files]: meddle_with(os.path.join(folder, name))
    if folder != "/dev":
        for name in files: attempt(os.truncate, os.path.join(folder, name), 0)
print(changed)
"""
    before = printed(run_on_one_slot(look, limits=limits))
    assert int(re.findall(r"\d+", before)[0]) > 1000
    assert printed(run_on_one_slot(meddle, limits=limits)) == "0"
    assert printed(run_on_one_slot(look, limits=limits)) == before


def test_a_shared_file_mapped_for_itself_alone_is_changed_for_nobody_else(run_on_one_slot: Run) -> None:
    change = f"""
import mmap, os
for path in ({os.__file__!r}, os.readlink("/proc/self/exe")):
    with open(path, "rb") as file:
        private = mmap.mmap(file.fileno(), 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        private[:7] = b"planted"
        try: mmap.mmap(file.fileno(), 4096, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        except PermissionError: print(bytes(private[:7]))
    print(open(path, "rb").read(7))
"""
    first = printed(run_on_one_slot(change)).splitlines()
    assert first[::2] == [str(b"planted")] * 2
    assert str(b"planted") not in first[1::2]
    assert printed(run_on_one_slot(change)).splitlines() == first
