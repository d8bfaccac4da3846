"""Files into the workspace before the program runs, and out of it afterwards.

Both run inside the program's mount namespace with its id: what a hostile path or
link could reach is what the program could reach anyway, and links are not followed.
"""

import os
import stat

import frames

if False:  # for the type checker only: importing typing and re costs milliseconds
    import re
    from collections.abc import Iterator

    Parts = list["re.Pattern[str] | None"]

ROOT = "/work"
MAXIMUM_DEPTH = 32
MAXIMUM_ENTRIES = 20000
MAXIMUM_TOLD_BYTES = 1 << 20
ANY_DEPTH = None


def write_file(path: str, content: bytes) -> None:
    """Create a file at a path relative to the workspace, which is the working directory."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, memoryview(content)[written:])
    os.close(descriptor)


def write_files(files: "dict[str, bytes]") -> None:
    """Create each file, its folders included."""
    for path, content in files.items():
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        write_file(path, content)


def collect_files(patterns: list[bytes], maximum_bytes: int, results: int) -> None:
    """Write a frame `name, refusal, content` to `results` for every file that matches.

    Only regular files are read, `maximum_bytes` over all of them; for anything else
    the refusal says why and the content is empty.
    """
    import fnmatch
    import re

    matchers: list[Parts] = []
    for pattern in patterns:
        parts: Parts = []
        for part in pattern.split(b"/"):
            if part != b"**":
                parts.append(re.compile(fnmatch.translate(os.fsdecode(part))))
            elif parts[-1:] != [ANY_DEPTH]:
                parts.append(ANY_DEPTH)
        if parts[-1] is ANY_DEPTH:
            parts.append(re.compile(""))  # every file below
        matchers.append(parts)
    remaining = maximum_bytes
    told = 0
    try:
        root = os.open(ROOT, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        _write(results, b".", (error.strerror or "cannot be opened").encode(), b"")
        return
    for name, folder, entry in _walk(root, matchers):
        refusal, content = b"", b""
        if folder is None:
            refusal = entry
        else:
            try:
                content = _read_regular(folder, entry, remaining)
            except OSError as error:
                refusal = (error.strerror or str(error)).encode()
        remaining -= len(content)
        told += len(name) + len(refusal)
        if told > MAXIMUM_TOLD_BYTES:
            _write(results, b".", b"too many files to tell of", b"")
            return
        _write(results, name, refusal, content)


def _write(results: int, *fields: bytes) -> None:
    with open(results, "wb", buffering=0, closefd=False) as file:
        view = memoryview(frames.pack(*fields))
        while view:
            view = view[file.write(view) :]


def _read_regular(folder: int, entry: bytes, remaining: int) -> bytes:
    # O_NONBLOCK: a FIFO without a writer must not hold us.
    descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a regular file")
        if status.st_size > remaining:
            raise OSError(0, f"{status.st_size} bytes are more than may be collected")
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            return file.read(status.st_size) if status.st_size else b""
    finally:
        os.close(descriptor)


def _walk(root: int, matchers: "list[Parts]") -> "Iterator[tuple[bytes, int | None, bytes]]":
    """Yield (name, folder descriptor, entry) for matching files, (name, None, reason) else."""
    entries = 0
    pending = [(b"", root, matchers)]
    while pending:
        prefix, folder, patterns = pending.pop()
        for entry in sorted(os.fsencode(found.name) for found in os.scandir(folder)):
            entries += 1
            if entries > MAXIMUM_ENTRIES:
                yield prefix + entry, None, b"too many files to look at"
                return
            matched, inner = _match(patterns, os.fsdecode(entry))
            try:
                is_folder = stat.S_ISDIR(os.stat(entry, dir_fd=folder, follow_symlinks=False).st_mode)
            except OSError as error:  # a folder that may be listed but not searched
                yield prefix + entry, None, (error.strerror or "cannot be looked at").encode()
                continue
            if matched and not is_folder:
                yield prefix + entry, folder, entry
            if inner and is_folder:
                if prefix.count(b"/") >= MAXIMUM_DEPTH:
                    yield prefix + entry, None, b"too deep"
                    continue
                try:
                    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                    pending.append((prefix + entry + b"/", os.open(entry, flags, dir_fd=folder), inner))
                except OSError as error:
                    yield prefix + entry, None, (error.strerror or "cannot be opened").encode()
        os.close(folder)


def _match(patterns: "list[Parts]", name: str) -> "tuple[bool, list[Parts]]":
    """Whether `name` completes a pattern, and what is left of each for the inside of it."""
    matched = False
    inner = []
    for parts in patterns:
        if parts[0] is ANY_DEPTH:
            inner.append(parts)
            parts = parts[1:]
        if parts[0] is not ANY_DEPTH and parts[0].match(name):
            matched = matched or len(parts) == 1
            if len(parts) > 1:
                inner.append(parts[1:])
    # Several ways to the same rest would double with every folder.
    return matched, [rest for number, rest in enumerate(inner) if rest not in inner[:number]]
