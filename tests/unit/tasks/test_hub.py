"""A file on the Hugging Face hub is fetched by its address, here from a hub on this machine."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trialbox.synthesis.tasks import TaskFileError, located

CONTENT = b'{"task_id": 1, "prompt": "Say one.", "asserts": ["assert one() == 1"]}\n'
_FILE = "/datasets/someone/tasks/resolve/main/parts/own.jsonl"


class _Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for one file: a commit, an ETag and a length in the headers."""

    def do_HEAD(self) -> None:
        found = self.path == _FILE
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(CONTENT)) if found else "0")
        if found:
            self.send_header("ETag", '"abc"')
            self.send_header("X-Repo-Commit", "0" * 40)
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Error-Message", "Entry not found")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        if self.path == _FILE:
            self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def load_in_a_process(source: str, home: Path, **environment: str) -> str:
    """What loading says; in a process of its own, since the hub's library reads its settings once."""
    program = "import sys\nfrom trialbox.synthesis.tasks import TaskFileError, load\n"
    program += "try: print(load('jsonl', sys.argv[1])[0].prompt)\nexcept TaskFileError as error: print(error)"
    proxies = [name for name in os.environ if name.lower().endswith("_proxy")]
    inherited = {name: value for name, value in os.environ.items() if name not in proxies}
    done = subprocess.run(
        [sys.executable, "-c", program, source],
        env={**inherited, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_path_stands_for_itself(tmp_path: Path) -> None:
    assert located(tmp_path / "own.jsonl") == tmp_path / "own.jsonl"
    assert located("own.jsonl") == Path("own.jsonl")


@pytest.mark.parametrize("source", ["hf://", "hf://owner/name", "hf://owner//file", "hf:///name/file"])
def test_an_address_must_be_whole(source: str) -> None:
    with pytest.raises(TaskFileError, match=f"{source}: must be hf://owner/name/file"):
        located(source)


def test_a_file_is_fetched_and_then_found_without_the_hub(hub: str, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    source = "hf://someone/tasks/parts/own.jsonl"
    assert load_in_a_process(source, tmp_path, HF_ENDPOINT=hub) == "Say one.\n"
    assert load_in_a_process(source, tmp_path, HF_ENDPOINT=hub, HF_HUB_OFFLINE="1") == "Say one.\n"


def test_a_file_that_is_not_there_is_named(hub: str, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    said = load_in_a_process("hf://someone/tasks/other.jsonl", tmp_path, HF_ENDPOINT=hub)
    assert said.startswith("hf://someone/tasks/other.jsonl: can't be fetched: ")
    assert "404" in said


def test_without_a_network_the_error_says_so(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    # Asked to do without: to a hub that can't be reached its library goes back for half a minute.
    said = load_in_a_process("hf://someone/tasks/own.jsonl", tmp_path, HF_HUB_OFFLINE="1")
    assert said.startswith("hf://someone/tasks/own.jsonl: can't be fetched: ")


def test_without_the_hubs_library_the_error_names_the_extra(tmp_path: Path) -> None:
    # None in its place makes an import fail as if it were not installed.
    program = "import sys\nsys.modules['huggingface_hub'] = None\nfrom trialbox.synthesis.tasks import located\n"
    program += "try: located('hf://someone/tasks/own.jsonl')\nexcept ValueError as error: print(error)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.startswith("hf://someone/tasks/own.jsonl: to fetch it, install trialbox[synthesis] (")
