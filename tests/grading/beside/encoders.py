"""For cheats: replaces the functions that encode what a program returns, wherever they are found."""

import gc
import sys
import types

_NAMES = ("encode",)
_frames = []


def send(frame):
    """From now on, whatever is encoded becomes `frame`; tells how many functions now do so."""
    _frames[:] = [frame]
    found = [function for function in _functions() if function.__name__ in _NAMES and not function.__closure__]
    for function in found:
        function.__code__ = _replacement.__code__
        function.__defaults__, function.__kwdefaults__ = None, None
    return len(found)


def _replacement(*values, **options):
    import encoders

    return encoders._frames[0]


def _functions():
    # What was frozen before a fork is hidden from get_objects until then.
    gc.unfreeze()
    spaces = [vars(module) for module in list(sys.modules.values()) if isinstance(module, types.ModuleType)]
    frame = sys._getframe()
    while frame is not None:
        spaces.append(frame.f_globals)
        frame = frame.f_back
    found = gc.get_objects() + [value for space in spaces for value in list(space.values())]
    kept = {id(one): one for one in found if type(one) is types.FunctionType and one is not _replacement}
    return [one for one in kept.values() if "value" in str(one.__module__)]
