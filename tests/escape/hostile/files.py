"""Programs that are after files, devices and mounts which are not theirs."""

import ctypes
import fcntl
import os
import shutil
import stat
import struct
import sys
from pathlib import Path

from escape.hostile.tools import call, hostile, victim

_MS_REMOUNT, _MS_BIND, _MNT_DETACH = 32, 4096, 2
_AT_FDCWD = -100
_FS_IOC_SETFLAGS, _FS_IMMUTABLE = 0x40086602, 0x10
_HANDLE_BYTES = 128


@hostile()
def reads_the_accounts_of_the_host() -> None:
    Path("/etc/passwd").read_bytes()


@hostile()
def reads_a_secret_of_the_host() -> None:
    assert Path(victim().file).read_text() == victim().secret


@hostile()
def finds_a_file_of_the_host_below_the_root_of_another_process() -> None:
    assert Path(f"/proc/{victim().pid}/root{victim().file}").read_text() == victim().secret


@hostile()
def finds_a_file_of_the_host_below_the_root_of_init() -> None:
    assert Path(f"/proc/1/root{victim().file}").read_text() == victim().secret


@hostile()
def finds_a_file_of_the_host_by_climbing() -> None:
    assert Path("/work/" + "../" * 50 + victim().file).read_text() == victim().secret


@hostile()
def finds_a_file_of_the_host_through_a_link() -> None:
    Path("/work/link").symlink_to(victim().file)
    assert Path("/work/link").read_text() == victim().secret


@hostile()
def overwrites_a_file_of_the_host() -> None:
    with Path(victim().file).open("r+") as file:
        file.write("harmed")


@hostile()
def deletes_a_file_of_the_host() -> None:
    Path(victim().file).unlink()


@hostile()
def adds_an_account_to_the_host() -> None:
    with Path("/etc/passwd").open("a") as file:
        file.write("evil::0:0::/:/bin/sh\n")


@hostile()
def adds_a_library_for_every_process_of_the_host() -> None:
    Path("/etc/ld.so.preload").write_text("/tmp/evil.so")


@hostile()
def replaces_a_tool() -> None:
    shutil.copyfile("/usr/bin/false", "/usr/bin/true.new")
    Path("/usr/bin/true.new").rename("/usr/bin/true")


@hostile()
def takes_the_interpreter_away() -> None:
    os.rename(os.readlink("/proc/self/exe"), os.readlink("/proc/self/exe") + ".old")


@hostile(never_outside="the running interpreter is the host's own file, wherever its process is")
def changes_the_mode_of_the_interpreter() -> None:
    Path("/proc/self/exe").chmod(0o4777)


@hostile()
def plants_a_module_that_all_programs_import() -> None:
    Path(os.__file__).with_name("planted.py").write_text("harm = True")


@hostile()
def changes_a_module_that_all_programs_import() -> None:
    with Path(os.__file__).open("a") as file:
        file.write("harm = True")


@hostile()
def poisons_compiled_code_that_all_programs_import() -> None:
    with Path(os.__file__).parent.joinpath("__pycache__", "planted.pyc").open("wb") as file:
        file.write(b"harm")


@hostile()
def keeps_a_hard_link_to_a_library() -> None:
    os.link(os.__file__, os.__file__ + ".kept")


@hostile()
def gives_the_kernel_another_setting() -> None:
    Path("/proc/sys/kernel/domainname").write_text("harmed")


@hostile()
def makes_a_device_of_its_own() -> None:
    os.mknod("/work/device", 0o666 | stat.S_IFCHR, os.makedev(1, 8))


@hostile()
def makes_a_device_of_a_disk() -> None:
    os.mknod("/work/disk", 0o666 | stat.S_IFBLK, os.makedev(254, 0))


@hostile()
def mounts_a_file_system() -> None:
    call("mount", b"none", b"/tmp", b"tmpfs", 0, None)


@hostile()
def mounts_a_proc_that_shows_all() -> None:
    call("mount", b"none", b"/tmp", b"proc", 0, None)


@hostile()
def makes_a_mount_writable() -> None:
    call("mount", None, b"/proc", None, _MS_REMOUNT | _MS_BIND, None)


@hostile()
def binds_a_folder_of_its_own_over_the_systems() -> None:
    Path("/tmp/evil").mkdir()
    call("mount", b"/tmp/evil", b"/usr/bin", None, _MS_BIND, None)


@hostile()
def uncovers_what_is_below_a_mount() -> None:
    call("umount2", b"/work", _MNT_DETACH)


@hostile()
def mounts_by_the_new_calls() -> None:
    os.close(call("fsopen", b"tmpfs", 0))


@hostile()
def clones_a_mount() -> None:
    os.close(call("open_tree", _AT_FDCWD, b"/work", 1))


@hostile()
def changes_the_flags_of_a_mount() -> None:
    call("mount_setattr", _AT_FDCWD, b"/work", 0, struct.pack("4Q", 1, 0, 0, 0), 32)


@hostile()
def changes_its_root() -> None:
    os.chroot("/tmp")


@hostile()
def enters_the_mounts_of_another_process() -> None:
    with Path(f"/proc/{victim().pid}/ns/mnt").open() as namespace:
        call("setns", namespace.fileno(), 0)


@hostile()
def opens_a_file_by_its_handle() -> None:
    Path("/work/file").touch()
    handle = ctypes.create_string_buffer(struct.pack("Ii", _HANDLE_BYTES, 0) + bytes(_HANDLE_BYTES))
    mount = ctypes.create_string_buffer(4)
    folder = os.open("/work", os.O_RDONLY)
    call("name_to_handle_at", _AT_FDCWD, b"/work/file", ctypes.addressof(handle), ctypes.addressof(mount), 0)
    os.close(call("open_by_handle_at", folder, ctypes.addressof(handle), os.O_RDONLY))


@hostile()
def gives_a_file_capabilities() -> None:
    shutil.copyfile("/usr/bin/true", "/work/true")
    capabilities = struct.pack("<5I", 0x02000001, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0)
    os.setxattr("/work/true", "security.capability", capabilities)


@hostile()
def gives_a_file_away() -> None:
    Path("/work/file").touch()
    os.chown("/work/file", 0, 0)
    assert Path("/work/file").stat().st_uid == 0


@hostile()
def makes_a_file_that_nobody_can_delete() -> None:
    with Path("/work/file").open("w") as file:
        fcntl.ioctl(file, _FS_IOC_SETFLAGS, struct.pack("l", _FS_IMMUTABLE))


@hostile()
def chooses_when_the_kernel_kills_it_for_memory() -> None:
    score = Path("/proc/self/oom_score_adj")
    score.write_text(score.read_text())


@hostile()
def lists_the_packages_of_the_server() -> None:
    assert any(Path(folder, "grpc").is_dir() for folder in sys.path if folder)
