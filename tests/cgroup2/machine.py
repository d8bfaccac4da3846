"""Runs tests in a virtual machine whose control groups are version 2, all of them and nothing else.

The machine is emulated, for a host may lend no other. It boots a kernel of Debian's on this host's own files, of
which it can change none. What is fetched for it stays in .tools; remove it there to get today's.

    [RELEASES=bookworm] machine.py [pytest's arguments]
"""

import lzma
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools" / "cgroup2"
BOUND_SECONDS = 600

# In the order in which they load; a kernel may have some of them built in.
MODULES = (
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "netfs",
    "fscache",
    "9pnet",
    "9pnet_virtio",
    "9p",
    "overlay",
)

# Slow there, or nothing to do with groups.
_SLOW = "daemon or wall_limit or four_hundred"
_KILLS = "tests/escape/test_processes_and_kernel.py::"
_PEAKS = ("tests/cgroup2", "tests/unit/server/test_memory_peaks.py")
# What runs with the kernel of each release: from Linux 6.12 on, which the first has not, a peak of memory can be reset.
SELECTIONS = {
    "bookworm": (
        *_PEAKS,
        "tests/unit/server/test_cgroups.py",
        "tests/unit/server/test_cgroup_host.py",
        "tests/escape/test_limits.py",
        f"{_KILLS}test_killing_everything_ends_the_programs_own_children_only",
        f"{_KILLS}test_control_groups_are_out_of_reach",
        f"{_KILLS}test_no_control_group_file_system_is_mounted",
        f"{_KILLS}test_a_system_call_of_the_x32_kind_is_denied",
        "tests/deploy/test_containers_version_2.py",
        # The same code serves both paths, and the machine is slow: what has to do with groups, and real ones, is tried.
        *("-k", f"not cold and not ({_SLOW}) and (real or machine or not test_cgroup)"),
    ),
    "bookworm-backports": _PEAKS,
}


def main() -> int:
    """Run the tests with each kernel; the worst of pytest's statuses is ours."""
    if platform.machine() != "x86_64" or not shutil.which("apt-get"):
        raise SystemExit("the virtual machine is made of Debian's packages for x86-64, which apt-get brings")
    # Debian's kernels have AppArmor, which profiles are loaded into.
    if not (shutil.which("qemu-system-x86_64") and shutil.which("apparmor_parser")):
        run("apt-get", "-qq", "update")
        run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", "qemu-system-x86", "apparmor")
    deadline = time.monotonic() + BOUND_SECONDS
    chosen = tuple(sys.argv[1:])
    return max(
        run_tests(release, chosen or SELECTIONS[release], deadline - time.monotonic())
        for release in os.environ.get("RELEASES", " ".join(SELECTIONS)).split()
    )


def run_tests(release: str, selection: tuple[str, ...], seconds: float) -> int:
    """Run pytest in a machine with the kernel of this release; return its status.

    Raises SystemExit when the machine ended, or had to be ended, without one.
    """
    kernel = fetched(release)
    compile_ahead(selection)
    with tempfile.TemporaryDirectory() as folder:
        initramfs, console = Path(folder, "initramfs"), Path(folder, "console")
        write_initramfs(initramfs, kernel, command(selection))
        machine = [
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "4G"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-kernel", str(kernel / "vmlinuz"), "-initrd", str(initramfs)),
            *("-append", "console=ttyS0 panic=-1 cgroup_no_v1=all mitigations=off"),
            *("-serial", f"file:{console}", "-serial", "stdio"),
            *("-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"),
        ]
        try:
            status = subprocess.run(machine, stdin=subprocess.DEVNULL, timeout=seconds, check=False).returncode
            ended = f"ended, QEMU with status {status},"
        except subprocess.TimeoutExpired:
            ended = f"was ended after {BOUND_SECONDS} s"
        said = console.read_text(errors="replace") if console.exists() else ""
    told = re.search(r"the tests ended with status (\d+)\s*$", said, re.MULTILINE)
    if told is None:
        last = "\n".join(said.splitlines()[-20:])
        raise SystemExit(f"the virtual machine with the kernel of {release} {ended} before the tests did:\n{last}")
    return int(told[1])


def compile_ahead(selection: tuple[str, ...]) -> None:
    """Have Python keep what it compiles for the tests and the server, for the machine is slow at it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for arguments in (["-m", "pytest", "--collect-only", "-qq", *selection], ["-c", "import trialbox.server.app"]):
        subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False)


def command(selection: tuple[str, ...]) -> str:
    """What a shell in the machine runs: the same interpreter as this one, in the same folder."""
    colour = "yes" if sys.stdout.isatty() else "no"
    pytest = [sys.executable, "-m", "pytest", f"--color={colour}", *selection]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    # Where it is set, tests may do harm to the machine.
    environment |= {"DISPOSABLE_MACHINE": "1"}
    environment |= {"LANG": "C.UTF-8", "COLUMNS": str(shutil.get_terminal_size().columns)}
    assignments = [f"{name}={value}" for name, value in environment.items()]
    return f"cd {shlex.quote(str(ROOT))} && {shlex.join(['env', '-i', *assignments, *pytest])}"


def write_initramfs(file: Path, kernel: Path, tests: str) -> None:
    """Write the first file system of the machine: its first program, busybox, the modules and the command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(kernel / "modules", folder / "modules")
        (folder / "bin").mkdir()
        shutil.copy(kernel / "busybox", folder / "bin")
        shutil.copy(Path(__file__).with_name("init.sh"), folder / "init")
        (folder / "init").chmod(0o755)
        (folder / "command").write_text(tests)
        names = "".join(f"{path.relative_to(folder)}\n" for path in sorted(folder.rglob("*")))
        with file.open("wb") as archive:
            cpio = (str(kernel / "busybox"), "cpio", "--quiet", "-o", "-H", "newc")
            subprocess.run(cpio, cwd=folder, input=names.encode(), stdout=archive, check=True)


def fetched(release: str) -> Path:
    """Return the folder with a release's kernel, its modules and busybox; fetch them where they are not there yet."""
    folder = TOOLS / release
    if not folder.is_dir():
        TOOLS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TOOLS) as name:
            work = Path(name)
            for package in download(release, work):
                subprocess.run(["dpkg-deb", "--extract", package, work], check=True)
            parts = work / "parts"
            (parts / "modules").mkdir(parents=True)
            (work / "bin/busybox").rename(parts / "busybox")
            next(work.glob("boot/vmlinuz-*")).rename(parts / "vmlinuz")
            for number, module in enumerate(MODULES):
                for file in work.glob(f"lib/modules/*/kernel/**/{module}.ko*"):
                    content = file.read_bytes()
                    loadable = lzma.decompress(content) if file.suffix == ".xz" else content
                    (parts / f"modules/{number:02}-{module}.ko").write_bytes(loadable)
            parts.rename(folder)
    return folder


def download(release: str, folder: Path) -> list[Path]:
    """Download packages of a release, whatever this host's own is, without installing them."""
    run("apt-get", "-qq", "update")
    site = run("apt-get", "indextargets", "--format", "$(SITE)", "Origin: Debian", "Label: Debian").split()[0]
    sources = folder / "sources.list"
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    sources.write_text("".join(f"deb [signed-by={keyring}] {site} {name} main\n" for name in SELECTIONS))
    (folder / "lists" / "partial").mkdir(parents=True)
    options = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache::PkgCache": "",
        "Dir::Cache::SrcPkgCache": "",
        "APT::Default-Release": release,
        "APT::Sandbox::User": "root",
    }
    own = [f"-o{name}={value}" for name, value in options.items()]
    run("apt-get", "-qq", *own, "update")
    (kernel,) = re.findall(r"Depends: (linux-image-\S+)", run("apt-cache", *own, "depends", "linux-image-amd64"))
    run("apt-get", "-qq", *own, "download", kernel, "busybox-static", folder=folder)
    return list(folder.glob("*.deb"))


def run(*arguments: str, folder: Path = ROOT) -> str:
    """Run a command that has to succeed; return what it printed."""
    return subprocess.run(arguments, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
