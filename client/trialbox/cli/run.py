"""`trialbox run`: one program."""

import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from trialbox.cli._exits import ExitStatus, leave, telling_of_writes
from trialbox.cli._sandbox import (
    IsolationOption,
    JsonOption,
    ServerOption,
    Service,
    TlsCaOption,
    TlsCertificateOption,
    TlsKeyOption,
    TokenFileOption,
    open_sandbox,
)
from trialbox.cli._show import byte_text, fields, mebibytes, milliseconds, print_json
from trialbox.client import (
    Event,
    Execution,
    Finished,
    Limits,
    Outcome,
    Output,
    OutputStream,
    Program,
)

_LIMITS = "Limits"
_EVERY_FILE = ("**/*",)
_SIZE_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def parse_size(text: str) -> int:
    """Read `1048576`, `1024KiB` or `1MiB` as a number of bytes; raises typer.BadParameter."""
    unit = next((unit for unit in _SIZE_UNITS if text.endswith(unit)), "")
    try:
        return int(text.removesuffix(unit)) * _SIZE_UNITS.get(unit, 1)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a size, such as 1048576 or 64MiB") from None


def _size_option(what: str) -> Any:
    return typer.Option(parser=parse_size, metavar="SIZE", rich_help_panel=_LIMITS, help=what)


def _limit_option(what: str) -> Any:
    return typer.Option(rich_help_panel=_LIMITS, help=what)


def command(
    program: Annotated[str, typer.Argument(metavar="FILE", help="The program, or - to read it from standard input.")],
    stdin: Annotated[
        str | None, typer.Option(metavar="FILE", help="Its standard input; - for the command's own.")
    ] = None,
    arg: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="An argument; may be repeated.")] = None,
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="An environment variable.")] = None,
    file: Annotated[
        list[str] | None, typer.Option(metavar="[NAME=]FILE", help="A file to put beside it; may be repeated.")
    ] = None,
    collect: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the files it made or changed into this folder.")
    ] = None,
    runtime: Annotated[str | None, typer.Option(help="A runtime that the service offers.")] = None,
    wall_seconds: Annotated[float | None, _limit_option("Elapsed time.")] = None,
    cpu_seconds: Annotated[float | None, _limit_option("CPU time of all its processes.")] = None,
    memory_bytes: Annotated[int | None, _size_option("Memory of all its processes.")] = None,
    processes: Annotated[int | None, _limit_option("Processes and threads at once.")] = None,
    open_files: Annotated[int | None, _limit_option("Open descriptors a process.")] = None,
    disk_bytes: Annotated[int | None, _size_option("Bytes on each private file system.")] = None,
    disk_inodes: Annotated[int | None, _limit_option("Files on each private file system.")] = None,
    output_bytes: Annotated[int | None, _size_option("Bytes of stdout, and of stderr.")] = None,
    no_output_seconds: Annotated[float | None, _limit_option("Elapsed time without any output.")] = None,
    isolation: IsolationOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    tls_ca: TlsCaOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    json: JsonOption = False,
) -> None:
    """Run one Python program in the sandbox.

    What it prints is passed through unchanged as it comes, and one line on standard error says how it ended.
    In JSON, bytes that are not UTF-8 become lone surrogates (Python's surrogateescape).
    """
    if program == "-" and stdin == "-":
        raise typer.BadParameter("the program and its input can't both be read from standard input")
    service = Service(server, token_file, tls_ca, tls_certificate, tls_key)
    sent = Program(
        source=_read(program),
        files=dict(_named_file(text) for text in file or ()),
        args=tuple(arg or ()),
        stdin=_read(stdin) if stdin is not None else b"",
        env=dict(_variable(text) for text in env or ()),
        runtime=runtime,
    )
    limits = Limits(
        wall_seconds=wall_seconds,
        cpu_seconds=cpu_seconds,
        memory_bytes=memory_bytes,
        processes=processes,
        open_files=open_files,
        disk_bytes=disk_bytes,
        disk_inodes=disk_inodes,
        output_bytes=output_bytes,
        no_output_seconds=no_output_seconds,
    )
    wanted = _EVERY_FILE if collect is not None else ()
    with open_sandbox(service) as box:
        if json:
            execution = box.run(sent, limits=limits, collect=wanted, isolation=isolation)
        else:
            execution = _passed_through(box.stream(sent, limits=limits, collect=wanted, isolation=isolation))
    known = {"main.py": sent.source, **sent.files}
    made = {name: content for name, content in execution.files.items() if known.get(name) != content}
    if collect is not None:
        _write(made, collect)
    if json:
        print_json(_document(execution, sorted(made)))
    else:
        _tell_end(execution)
    raise typer.Exit(ExitStatus.OK if execution.outcome is Outcome.SUCCEEDED else ExitStatus.FAILED)


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        leave(f"can't read {name}: {error.strerror}", ExitStatus.USAGE)


def _named_file(text: str) -> tuple[str, bytes]:
    name, separator, path = text.partition("=")
    return (name, _read(path)) if separator else (Path(text).name, _read(text))


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


def _write(files: dict[str, bytes], folder: Path) -> None:
    with telling_of_writes(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = PurePosixPath(name)
            # The service has checked names already; but what is written here, this process answers for.
            if path.is_absolute() or ".." in path.parts or "\0" in name:
                leave(f"the service returned a file outside the workspace: {name!r}", ExitStatus.INFRASTRUCTURE)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _passed_through(events: Generator[Event, None, None]) -> Execution:
    """Write what the program puts out as it comes; return what it did."""
    execution = None
    with closing(events):
        for event in events:
            if isinstance(event, Output):
                ours = sys.stdout if event.stream is OutputStream.STDOUT else sys.stderr
                ours.buffer.write(event.data)
                ours.buffer.flush()
            elif isinstance(event, Finished):
                execution = event.execution
    if execution is None:
        raise AssertionError("a stream that does not fail ends with Finished")
    return execution


def _tell_end(execution: Execution) -> None:
    for skipped in execution.skipped_files:
        name = skipped.path.decode(errors="replace")
        typer.echo(f"trialbox: not collected: {name!a}: {skipped.reason}", err=True)
    usage = execution.usage
    parts = [
        _ending(execution),
        f"{milliseconds(usage.wall_seconds)} wall",
        f"{milliseconds(usage.user_cpu_seconds + usage.system_cpu_seconds)} CPU",
        mebibytes(usage.peak_memory_bytes),
    ]
    if execution.stdout_truncated or execution.stderr_truncated:
        parts.append("output shortened")
    if execution.isolation.waived_layers:
        parts.append(f"WITHOUT {', '.join(execution.isolation.waived_layers)}")
    typer.echo(f"trialbox: {', '.join(parts)}", err=True)


def _ending(execution: Execution) -> str:
    if execution.exit_code is not None:
        return f"{execution.outcome}, exit status {execution.exit_code}"
    return f"{execution.outcome}, signal {execution.signal}" if execution.signal is not None else str(execution.outcome)


def _document(execution: Execution, made: list[str]) -> dict[str, Any]:
    return {
        "outcome": execution.outcome,
        "exit_code": execution.exit_code,
        "signal": execution.signal,
        "exception": fields(execution.exception) if execution.exception else None,
        "stdout": byte_text(execution.stdout),
        "stderr": byte_text(execution.stderr),
        "stdout_truncated": execution.stdout_truncated,
        "stderr_truncated": execution.stderr_truncated,
        "files": made,
        "skipped_files": [
            {"path": byte_text(skipped.path), "reason": skipped.reason} for skipped in execution.skipped_files
        ],
        "usage": fields(execution.usage),
        "isolation": fields(execution.isolation),
        "request_id": execution.request_id,
    }
