"""nsjail reads the configuration as it was meant, and no option is left to chance."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server import nsjail, seccomp
from trialbox.server.nsjail import JailSpec
from trialbox.server.runtimes import Runtime

_FILE_NAME = b"config.proto"
_LENGTH_DELIMITED = 2
_FILE_FIELDS = range(1, 13)

# Options that our configuration leaves out, and why each has no say.
_NOT_APPLICABLE = {
    **dict.fromkeys(("name", "description"), "only text"),
    **dict.fromkeys(("port", "bindhost", "max_conns", "max_conns_per_ip"), "for mode LISTEN"),
    "log_file": "log_fd is set",
    "rlimit_as": "its type is HARD",
    "rlimit_cpu": "its type is HARD",
    "rlimit_fsize": "its type is HARD",
    "rlimit_nproc": "its type is HARD",
    "seccomp_policy_file": "seccomp_string is set",
    **dict.fromkeys(
        (
            "cgroup_mem_memsw_max", "cgroup_mem_swap_max", "cgroup_mem_mount", "cgroup_mem_parent",
            "cgroup_pids_mount", "cgroup_pids_parent", "cgroup_net_cls_mount", "cgroup_net_cls_parent",
            "cgroup_cpu_mount", "cgroup_cpu_parent", "cgroupv2_mount", "use_cgroupv2", "detect_cgroupv2",
        ),
        "the cgroups are the slot's own; nsjail's maxima are set to 0, which makes none",
    ),
    **dict.fromkeys(
        (
            "iface_own", "macvlan_iface", "macvlan_vs_ip", "macvlan_vs_nm", "macvlan_vs_gw", "macvlan_vs_ma",
            "macvlan_vs_mo", "user_net",
        ),
        "interfaces for a network namespace that nsjail makes; ours is empty and made by the launcher",
    ),
}  # fmt: skip


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


@pytest.fixture(scope="module")
def message_class() -> type[Any]:
    """The class of NsJailConfig, from the descriptor that protobuf left in the binary we run."""
    data = Path(str(resources.files("nsjail")), "bin", "nsjail").read_bytes()
    start = end = data.index(b"\n%c%b" % (len(_FILE_NAME), _FILE_NAME))
    while data[end] & 7 == _LENGTH_DELIMITED and data[end] >> 3 in _FILE_FIELDS:
        length, body = _varint(data, end + 1)
        end = body + length
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(data[start:end]))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("nsjail.NsJailConfig"))


def config(
    message_class: type[Any], *, environment: dict[str, str] | None = None, executable: str = "/usr/bin/python3"
) -> Any:
    """What nsjail reads out of our text."""
    runtime = Runtime(
        name="python",
        executable=executable,
        python_version="3",
        environment=environment or {},
        preload=(),
        warm=True,
        root={},
    )
    spec = JailSpec(runtime="python", hash_seed=7, warm=True)
    return text_format.Parse(nsjail.config(spec, runtime, first_host_id=2_000_000), message_class())


def test_every_option_is_set_or_has_a_reason_not_to_be(message_class: type[Any]) -> None:
    options = {field.name for field in message_class.DESCRIPTOR.fields}
    present = {field.name for field, _ in config(message_class).ListFields()}
    assert options - present == set(_NOT_APPLICABLE)


def test_the_options_that_apply_only_by_another_are_ruled_out_by_it(message_class: type[Any]) -> None:
    read = config(message_class)
    expected = {"mode": "ONCE"} | {f"rlimit_{name}_type": "HARD" for name in ("as", "cpu", "fsize", "nproc")}
    for name, value in expected.items():
        choices = message_class.DESCRIPTOR.fields_by_name[name].enum_type.values_by_number
        assert choices[getattr(read, name)].name == value
    assert (read.cgroup_mem_max, read.cgroup_pids_max, read.cgroup_net_cls_classid) == (0, 0, 0)
    assert read.cgroup_cpu_ms_per_sec == 0
    assert not read.clone_newnet


def test_the_jail_is_never_ended_by_nsjails_own_clock(message_class: type[Any]) -> None:
    read = config(message_class)
    assert read.HasField("time_limit")
    assert read.time_limit == 0


def test_all_namespaces_but_the_launchers_network_are_made(message_class: type[Any]) -> None:
    read = config(message_class)
    made = {kind for kind in ("user", "ns", "pid", "ipc", "uts", "cgroup") if getattr(read, f"clone_new{kind}")}
    assert made == {"user", "ns", "pid", "ipc", "uts", "cgroup"}


def test_inner_ids_map_one_by_one_to_unprivileged_host_ids(message_class: type[Any]) -> None:
    read = config(message_class)
    expected = [("0", "2000000", 1), ("1000", "2000001", 1), ("1001", "2000002", 1)]
    assert [(entry.inside_id, entry.outside_id, entry.count) for entry in read.uidmap] == expected
    assert [(entry.inside_id, entry.outside_id, entry.count) for entry in read.gidmap] == expected
    assert len(expected) == nsjail.IDS_PER_SLOT


def test_nothing_but_the_fork_servers_own_proc_can_be_written(message_class: type[Any]) -> None:
    mounts = {mount.dst: mount for mount in config(message_class).mount}
    assert {place for place, mount in mounts.items() if mount.rw} == {"/proc"}
    assert all(mount.nosuid and mount.mandatory for mount in mounts.values())
    assert mounts["/"].is_bind and not mounts["/"].fstype
    assert "subset=pid" in mounts["/proc"].options


def test_the_fork_server_keeps_only_the_capabilities_it_needs(message_class: type[Any]) -> None:
    assert set(config(message_class).cap) == {
        *("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL"),  # to make a process unprivileged, and to end it
        *("CAP_SYS_ADMIN", "CAP_SYS_CHROOT"),  # to make namespaces and mounts, and to enter those of a program
    }


def test_only_the_descriptor_of_the_protocol_is_passed(message_class: type[Any]) -> None:
    read = config(message_class)
    assert list(read.pass_fd) == [nsjail.CONTROL]
    assert read.log_fd == nsjail.LOG


def test_the_policy_arrives_unchanged(message_class: type[Any]) -> None:
    assert list(config(message_class).seccomp_string) == [seccomp.jail_policy()]


# Python's reader, unlike nsjail's, knows no escapes above this character.
_text = st.text(st.characters(max_codepoint=0xFFFF, exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(_text.filter(lambda name: "=" not in name), _text, max_size=3), _text)
def test_no_value_of_the_operators_can_change_the_meaning_of_the_rest(
    message_class: type[Any], environment: dict[str, str], executable: str
) -> None:
    plain = config(message_class)
    read = config(message_class, environment=environment, executable=executable)
    own = {"PYTHONHASHSEED": "7", "PYTHONPATH": "/run/trialbox", "LD_BIND_NOW": "1"}
    assert dict(entry.split("=", 1) for entry in read.envar) == environment | own
    assert (read.exec_bin.path, list(read.exec_bin.arg)) == (executable, ["main.py"])
    for each in (plain, read):
        each.ClearField("envar")
        each.ClearField("exec_bin")
    assert read == plain
