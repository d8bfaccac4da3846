"""Pieces of programs that several files of tests run."""

# For those that look for traces of others.
PRELUDE = """
import atexit, builtins, contextlib, ctypes, errno, fcntl, gc, locale, os, resource, signal, socket, struct, subprocess
import sys, tempfile, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def attempt(function, *arguments):
    try: function(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
    return "allowed"

def status(*names):
    lines = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    return [lines[name].strip() for name in names]

def mapped_files():
    lines = [line.split(maxsplit=5) for line in open("/proc/self/maps").read().splitlines()]
    return sorted({line[5] for line in lines if len(line) == 6})
"""

# So that nothing but SIGKILL and SIGSTOP reaches the process that calls it.
TURN_DEAF = """
import signal

def turn_deaf():
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        try: signal.signal(number, signal.SIG_IGN)
        except OSError: pass
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
"""
