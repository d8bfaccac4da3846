"""Turns a freshly forked child of init into an unprivileged, filtered process."""

import os

import syscalls

FILTER_PATH = "/run/trialbox/seccomp.bpf"


def confine(user_id: int) -> None:
    """Drop to `user_id` with no capability and the strict filter.

    There is no way back, and any failure raises: the caller must not go on then.
    """
    machine = os.uname().machine
    with open(FILTER_PATH, "rb") as file:
        seccomp_filter = file.read()
    os.setsid()
    syscalls.empty_bounding_set()
    os.setgroups([])
    os.setresgid(user_id, user_id, user_id)
    os.setresuid(user_id, user_id, user_id)
    syscalls.drop_capabilities(machine)
    syscalls.set_dumpable()
    syscalls.set_no_new_privileges()
    syscalls.load_seccomp_filter(machine, seccomp_filter)


def set_resource_limits(numbers_and_values: list[int]) -> None:
    """Lower limits for good; the list alternates the kernel's RLIMIT_* numbers and values."""
    for number, value in zip(numbers_and_values[::2], numbers_and_values[1::2], strict=True):
        syscalls.set_resource_limit(number, value)
