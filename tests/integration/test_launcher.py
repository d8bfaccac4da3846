"""The launcher goes with its host, without a word."""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile

from trialbox.server import launcher

WORLD = {"folders": ["/tmp"], "files": {}, "copies": {}, "links": {}, "binds": {}, "masks": []}


def test_a_host_that_goes_with_an_answer_unread_is_no_reason_to_complain() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, tempfile.TemporaryFile() as setup:
        setup.write(json.dumps({"cgroups": [], "world": WORLD}).encode())
        setup.seek(0)
        command = [sys.executable, "-I", "-S", str(launcher.__file__), str(os.getpid())]
        process = subprocess.Popen(command, stdin=theirs.fileno(), stderr=subprocess.PIPE)
        theirs.close()
        socket.send_fds(ours, [b"{}"], [setup.fileno()])
        ready, _, _ = select.select([ours], [], [], 30)
        assert ready, "the launcher did not say that it is ready"
    _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (0, b"")
