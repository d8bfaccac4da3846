"""Where the jail's interpreter is taken over, between its start and its main script.

Python imports a module of this name just before it runs the script. The process that
does so is PID 1 of the jail, and becomes the fork server. Each process it forks for a
program returns from main(), and the interpreter goes on to run the script as it always
does. That is why a program behaves as under `python main.py`: it is.
"""

import os
import sys

try:
    pristine = frozenset(sys.modules)
    import forkserver

    forkserver.main(pristine)
    del forkserver, pristine
except BaseException as error:
    # Python would only print a failed sitecustomize and run the script, unconfined.
    os.write(2, f"trialbox: {error!r}\n".encode())
    os._exit(70)
del os, sys
