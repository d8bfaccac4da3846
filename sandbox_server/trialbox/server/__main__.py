"""`python -m trialbox.server`."""

import sys

# The embedded server's starter knows it too.
_NOT_INSTALLED_STATUS = 4

try:
    from trialbox.server.app import main
except ModuleNotFoundError as error:
    sys.stderr.write(
        f"the server needs {error.name}, which is not installed: "
        "pip install 'trialbox[server]' (in a clone: pip install '.[server]')\n"
    )
    sys.exit(_NOT_INSTALLED_STATUS)
sys.exit(main())
