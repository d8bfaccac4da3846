"""The end of a program's process: what Python does then that can be noticed, without the rest.

Python takes apart all it has loaded when it ends, which in a forked process means copying
most of the memory shared with the fork server: more work than running a short program.
Nobody notices but by what the program's own objects do when they go, so only those are let
go here, in Python's own order (finalize_modules in pylifecycle.c), and then the process exits.

The exit status is known to C code only. `_status` reads it off traces that C code leaves;
where they are not all there, leave() returns, and Python ends the process in its own way.
"""

import builtins
import gc
import os
import sys
from _weakref import ref

import syscalls

if False:  # for the type checker only: importing types costs milliseconds
    from types import ModuleType

# What pylifecycle.c sets to None, in this order, before anything else goes.
_SYS_VALUES = (
    "path", "argv", "ps1", "ps2", "last_type", "last_value", "last_traceback", "path_hooks",
    "path_importer_cache", "meta_path", "__interactivehook__",
)  # fmt: skip
_LAST = ("last_type", "last_value", "last_traceback", "last_exc")
# A program that names the traces that its end is read off may leave other ones.
_TRACES = (b"__file__", b"__cached__", *map(str.encode, _LAST))
_STREAMS = ("stdin", "stdout", "stderr")

# A copy for the functions below: a program may have replaced its own.
__builtins__ = dict(vars(builtins))  # type: ignore[assignment]
_collect, _stats = gc.collect, gc.get_stats

_last_shared = ""
_kept: "list[object]" = []
"""What belongs to the interpreter and would go with sys's names: taking it apart is what is to be spared."""
_main_names: frozenset[str] = frozenset()
_first_loader: object = None
"""What __main__ has before a script is run."""
_older_collections: "tuple[int, int]" = (0, 0)
_main: "ModuleType | None" = None
_is_plain = False
_shared_sizes: "tuple[int, ...]" = ()


def remember() -> None:
    """Take note of what programs will share with the fork server; call it there, last."""
    global _first_loader, _last_shared, _main_names, _older_collections, _shared_sizes
    _first_loader = sys.modules["__main__"].__dict__.get("__loader__")
    _last_shared = next(reversed(sys.modules))
    _main_names = frozenset(sys.modules["__main__"].__dict__)
    _shared_sizes = _count_shared_names()
    gc.collect()  # leaves all there is in the oldest generation
    _older_collections = _count_older_collections()


def begin(sources: "list[bytes]") -> None:
    """Get ready for the program whose files these are.

    It gets a `__main__` of its own, which the garbage collector knows to be younger than what is shared.
    """
    global _main, _is_plain
    _is_plain = not any(word in source for source in sources for word in _TRACES)
    _main = type(sys)("__main__")
    _main.__dict__.update(sys.modules["__main__"].__dict__)
    sys.modules["__main__"] = _main


def leave() -> None:
    """Let go of the program's own objects and exit; returns where Python had better do it."""
    try:
        status = _status()
        if status is None or not _flush():
            return
        _let_go()
        if not _flush():
            return
    except BaseException:
        return
    syscalls.leave(status)


def _status() -> int | None:
    """The exit status, where it is certain."""
    main = sys.modules.get("__main__")
    if not _is_plain or main is None or main is not _main:
        return None
    # The program may have left something of its own there, which would have to go.
    if _shared_sizes != _count_shared_names():
        return None
    names = main.__dict__
    if names.get("__loader__") is _first_loader:  # Python could not open the script: that is no success
        return None
    # Running a script ends with removing these two; SystemExit leaves them where they are.
    if "__file__" in names or "__cached__" in names or not _main_names <= names.keys():
        return None
    if sys.excepthook is not sys.__excepthook__:
        return None
    if not any(name in sys.__dict__ for name in _LAST):
        return 0
    told = sys.__dict__.get("last_type")
    if told is None or issubclass(told, KeyboardInterrupt):  # the latter ends in a signal
        return None
    traceback = sys.last_traceback
    if traceback is None:  # a script that does not compile has run nothing and defined nothing
        return 1 if issubclass(told, SyntaxError) and names.keys() == _main_names else None
    # An exception that ended the script did so where the script's frame stands still.
    frame = traceback.tb_frame
    ended_it = frame.f_globals is names and frame.f_back is None and frame.f_lasti == traceback.tb_lasti
    return 1 if ended_it and frame.f_code.co_name == "<module>" else None


def _flush() -> bool:
    for name in ("stdout", "stderr"):
        stream = sys.__dict__.get(name)
        if stream is not None and not getattr(stream, "closed", False):
            try:
                stream.flush()
            except BaseException:
                return False
    return True


def _let_go() -> None:
    global _main
    for name in _SYS_VALUES:
        _kept.append(sys.__dict__.get(name))
        sys.__dict__[name] = None
    for name in _STREAMS:
        sys.__dict__[name] = sys.__dict__.get(f"__{name}__")
    modules = sys.modules
    own = []
    for name in reversed(modules):  # the latest first: what came before the last shared one is shared
        if name == _last_shared:
            break
        own.append(name)
    own.append("__main__")
    references = [ref(modules[name]) for name in own if isinstance(modules[name], type(sys))]
    _main = None
    for name in own:
        modules[name] = None  # type: ignore[assignment]
    for name in own:
        del modules[name]
    # What is shared is in the oldest generation: unless the program's own has got there too,
    # there is nothing to be found in it.
    _collect(1 if _count_older_collections() == _older_collections else 2)
    for reference in references:
        module = reference()
        if module is not None:
            _clear(module.__dict__)
            del module
    _collect(1)


def _count_shared_names() -> "tuple[int, ...]":
    """How many names the modules have that programs are likeliest to put something in."""
    told = sum(name in sys.__dict__ for name in _LAST)
    return len(builtins.__dict__), len(os.__dict__), len(sys.__dict__) - told


def _count_older_collections() -> "tuple[int, int]":
    _, middle, oldest = _stats()
    return middle["collections"], oldest["collections"]


def _clear(names: "dict[str, object]") -> None:
    """Empty a module's names as Python does: those with one leading underscore first."""
    for private in (True, False):
        for name in list(names):
            if name != "__builtins__" and (name[:1] == "_" and name[1:2] != "_") is private:
                names[name] = None
