"""Where the jail's interpreter is taken over, between its start and its main script.

Python imports a module of this name when it starts. All it does is to have forkserver asked
about the main script: the last thing Python does before it runs a script is to ask
sys.path_hooks whether the script is an archive. That is where PID 1 of the jail stays, as
the fork server. Each process it forks for a program says that it is none, and the
interpreter goes on to run the script as it always does. That is why a program behaves as
under `python main.py`: it is.
"""

import os
import sys

try:
    pristine = frozenset(sys.modules)
    import forkserver

    forkserver.install(pristine)
    del forkserver, pristine
except BaseException as error:
    # Python would only print a failed sitecustomize and run the script, unconfined.
    os.write(2, f"trialbox: {error!r}\n".encode())
    os._exit(70)
del os, sys
