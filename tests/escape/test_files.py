"""No file of the host can be read, written or smuggled out; nothing outlasts an execution."""

import os
import sys
import sysconfig
from pathlib import Path

import pytest
from executions import Run, printed

import trialbox.client
from trialbox.client import Limits, Outcome

INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
STANDARD_LIBRARY = str(Path(os.__file__).parent)


# Reading


ABSENT = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/proc/1/environ",
    "/proc/1/cmdline",
    "/proc/1/root/etc/passwd",
    "/proc/kallsyms",
    "/proc/meminfo",
    "/proc/sys/kernel/hostname",
    "/proc/net/tcp",
    "/sys/kernel",
    "/sys/fs/cgroup",
    "/root/.ssh",
    "/home",
    "/var",
    "/boot",
    "/dev/kmsg",
    "/dev/mem",
    "/dev/sda",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/random",
    str(Path(trialbox.client.__file__).parent),
    str(Path(__file__).parent),
    sysconfig.get_path("purelib"),
]


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_not_the_programs_business_is_absent(run: Run, path: str) -> None:
    source = f"""
import os
try:
    if os.path.isdir({path!r}): print(os.listdir({path!r}))
    else: print(open({path!r}, "rb").read(1))
except (FileNotFoundError, PermissionError) as error: print("absent")
"""
    assert printed(run(source)) in ("absent", "[]")


def test_the_whole_tree_holds_nothing_of_the_hosts_users(run: Run) -> None:
    source = """
import os
skipped = ("/proc",)
found = []
for folder, folders, files in os.walk("/"):
    if folder in skipped: folders.clear(); continue
    for name in files:
        if name in ("passwd", "shadow", "id_rsa", ".bash_history", "authorized_keys", "docker.sock"):
            found.append(os.path.join(folder, name))
print(found)
"""
    assert printed(run(source, limits=Limits(wall_seconds=30, cpu_seconds=30))) == "[]"


def test_there_are_no_devices_but_the_harmless_ones(run: Run) -> None:
    source = "import os; print(sorted(os.listdir('/dev')))"
    assert printed(run(source)) == str(["fd", "null", "shm", "stderr", "stdin", "stdout", "urandom", "zero"])


def test_the_mount_table_names_no_place_of_the_host_beyond_the_runtime(run: Run) -> None:
    paths = printed(run("print(open('/proc/self/mountinfo').read())"))
    assert str(Path(__file__).parents[2]) not in paths
    assert "/tmp/trialbox" not in paths


def test_the_servers_environment_is_not_handed_down(run: Run) -> None:
    names = printed(run("import os; print(*sorted(os.environ))")).split()
    assert set(names) <= {"HOME", "LANG", "LC_CTYPE", "PATH", "PYTHONHASHSEED", *_BLAS_VARIABLES}


_BLAS_VARIABLES = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"}


def test_only_the_standard_streams_are_open(run: Run) -> None:
    source = """
import os
print([n for n in range(3, 4096) if os.path.lexists(f"/proc/self/fd/{n}")])
"""
    assert printed(run(source)) == "[]"


# Writing


READ_ONLY_FOLDERS = [
    "/",
    "/dev",
    "/etc",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/lib64",
    "/run/trialbox",
    "/proc/self",
    STANDARD_LIBRARY,
    f"{STANDARD_LIBRARY}/site-packages",
    str(Path(INTERPRETER).parent),
]


@pytest.mark.parametrize("folder", READ_ONLY_FOLDERS)
def test_no_file_can_be_added_to_the_system(run: Run, folder: str) -> None:
    source = f"""
import errno, os
try:
    os.close(os.open({folder + "/trialbox-planted"!r}, os.O_WRONLY | os.O_CREAT))
    print("written")
except OSError as error: print(errno.errorcode[error.errno] if os.path.isdir({folder!r}) else "no such folder")
"""
    # proc answers that there is nothing by that name
    allowed = {"ENOENT", "EACCES"} if folder.startswith("/proc") else {"EROFS", "no such folder"}
    assert printed(run(source)) in allowed
    assert not Path(folder, "trialbox-planted").exists()


@pytest.mark.parametrize(
    "file", [INTERPRETER, os.__file__, "/usr/bin/sh", "/run/trialbox/forkserver.py", "/proc/self/oom_score_adj"]
)
@pytest.mark.parametrize(
    "statement",
    [
        "os.open(path, os.O_WRONLY)",
        "os.open(path, os.O_RDWR | os.O_TRUNC)",
        "os.unlink(path)",
        "os.chmod(path, 0o777)",
        "os.rename('main.py', path)",
    ],
)
def test_no_file_of_the_system_can_be_changed(run: Run, file: str, statement: str) -> None:
    source = f"""
import errno, os
path = {file!r}
try:
    {statement}
    print("changed")
except OSError as error: print(errno.errorcode[error.errno])
"""
    assert printed(run(source)) in {"EROFS", "EACCES", "EPERM", "EXDEV"}


@pytest.mark.parametrize("device", ["null", "zero", "urandom"])
@pytest.mark.parametrize("statement", ["os.chmod(path, 0o600)", "os.unlink(path)", "os.chown(path, 1000, 1000)"])
def test_shared_devices_can_not_be_changed(run: Run, device: str, statement: str) -> None:
    before = Path(f"/dev/{device}").stat()
    source = f"""
import errno, os
path = "/dev/{device}"
try:
    {statement}
    print("changed")
except OSError as error: print(errno.errorcode[error.errno])
"""
    assert printed(run(source)) in {"EROFS", "EPERM", "EACCES"}
    assert Path(f"/dev/{device}").stat().st_mode == before.st_mode


def test_a_hard_link_to_a_read_only_file_is_refused(run: Run) -> None:
    source = f"""
import errno, os
for target in ("/work/link", "/tmp/link"):
    try:
        os.link({INTERPRETER!r}, target)
        print("linked")
    except OSError as error: print(errno.errorcode[error.errno])
"""
    assert set(printed(run(source)).split()) <= {"EPERM", "EXDEV", "EROFS"}


def test_a_set_user_id_bit_gives_nothing(run: Run) -> None:
    source = """
import os, shutil, subprocess
shutil.copyfile("/usr/bin/sh", "/tmp/sh")
os.chmod("/tmp/sh", 0o6755)
print(subprocess.run(["/tmp/sh", "-p", "-c", "cat /proc/self/status"], capture_output=True, text=True).stdout)
"""
    status = dict(line.split(":", 1) for line in printed(run(source)).splitlines())
    assert status["Uid"].split() == ["1000"] * 4
    assert status["Gid"].split() == ["1000"] * 4


@pytest.mark.parametrize("kind", ["S_IFCHR", "S_IFBLK"])
def test_no_device_can_be_made(run: Run, kind: str) -> None:
    source = f"""
import errno, os, stat
try: os.mknod("device", 0o666 | stat.{kind}, os.makedev(1, 3))
except OSError as error: print(errno.errorcode[error.errno])
else: print("made")
"""
    assert printed(run(source)) == "EPERM"


# What comes out


def test_a_link_to_a_file_of_the_system_is_not_followed(run: Run) -> None:
    source = f"""
import os
os.mkdir("out")
os.symlink({os.__file__!r}, "out/link")
os.symlink("/etc/passwd", "out/dangling")
os.symlink({STANDARD_LIBRARY!r}, "out/folder")
os.symlink({STANDARD_LIBRARY!r}, "also")
os.symlink("plain", "out/inner")
open("out/plain", "w").write("honest")
"""
    execution = run(source, collect=("out/*", "out/folder/*", "also/*.py", "out/**/*.py"))
    assert execution.outcome is Outcome.SUCCEEDED
    assert execution.files == {"out/plain": b"honest"}
    skipped = {file.path for file in execution.skipped_files}
    assert {b"out/link", b"out/dangling", b"out/inner"} <= skipped


@pytest.mark.parametrize("attempt", range(4))
def test_a_file_swapped_for_a_link_over_and_over_is_never_followed(run: Run, attempt: int) -> None:
    source = f"""
import os
os.mkdir("out")
swapped_read, swapped_write = os.pipe()
if os.fork() == 0:
    os.setsid()
    while True:
        os.symlink({os.__file__!r}, "swap"); os.rename("swap", "out/data")
        with open("swap", "w") as file: file.write("honest")
        os.rename("swap", "out/data")
        os.write(swapped_write, b"x")
os.read(swapped_read, {attempt + 1})
"""
    execution = run(source, collect=("out/*",))
    assert execution.outcome is Outcome.SUCCEEDED
    assert execution.files in ({}, {"out/data": b"honest"})


def test_what_is_no_regular_file_is_refused_and_blocks_nobody(run: Run) -> None:
    source = """
import os, socket
os.mkdir("out")
os.mkfifo("out/fifo")
os.symlink("/dev/zero", "out/device")
os.symlink("/dev/stdin", "out/stdin")
socket.socket(socket.AF_UNIX).bind("out/socket")
os.mkdir("out/folder")
open("out/plain", "w").write("honest")
"""
    execution = run(source, collect=("out/*",))
    assert execution.outcome is Outcome.SUCCEEDED
    assert execution.files == {"out/plain": b"honest"}
    skipped = {file.path: file.reason for file in execution.skipped_files}
    assert {b"out/fifo", b"out/device", b"out/stdin", b"out/socket"} <= set(skipped)
    assert all(skipped.values())


def test_a_thousand_folders_deep_is_refused_and_not_descended(run: Run) -> None:
    source = """
import os
for _ in range(1000):
    os.mkdir("d" * 50)
    os.chdir("d" * 50)
open("bottom", "w").write("x")
"""
    execution = run(source, collect=("**/bottom",))
    assert (execution.outcome, execution.files) == (Outcome.SUCCEEDED, {})
    assert [file.reason for file in execution.skipped_files] == ["too deep"]


def test_bad_names_come_back_as_they_are_or_are_refused(run: Run) -> None:
    source = r"""
import os
os.mkdir("out")
for name in (b"new\nline", b"\xff\xfe", b"-rf", b"$(reboot)", b" ", b"x" * 255, "naïve".encode(), b"*", b"back\\slash"):
    with open(b"out/" + name, "wb") as file: file.write(b"1")
"""
    execution = run(source, collect=("out/*",))
    assert execution.outcome is Outcome.SUCCEEDED
    expected = {"new\nline", "-rf", "$(reboot)", " ", "x" * 255, "naïve", "*", "back\\slash"}
    assert execution.files == {f"out/{name}": b"1" for name in expected}
    assert [file.path for file in execution.skipped_files] == [b"out/\xff\xfe"]


def test_a_workspace_taken_away_gives_no_files(run: Run) -> None:
    source = """
import os, shutil
os.mkdir("out"); open("out/x", "w").write("x")
os.chmod("out", 0)
os.chmod("/work", 0)
"""
    execution = run(source, collect=("out/*",))
    assert (execution.outcome, execution.files) == (Outcome.SUCCEEDED, {})


# What stays


def test_files_left_behind_are_invisible_to_the_next_run(run_on_one_slot: Run) -> None:
    leave = """
import os
for folder in ("/work", "/tmp", "/dev/shm"):
    os.makedirs(folder + "/left"); open(folder + "/left/secret", "w").write("secret")
"""
    look = "import os; print([os.listdir(folder) for folder in ('/work', '/tmp', '/dev/shm')])"
    for _ in range(4):
        assert run_on_one_slot(leave).outcome is Outcome.SUCCEEDED
        assert printed(run_on_one_slot(look)) == "[['main.py'], [], []]"
