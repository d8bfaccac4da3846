"""`python -m trialbox.server`."""

import os
import sys

# The embedded server's starter knows it too.
_NOT_INSTALLED_STATUS = 4

# gRPC's own lines, one for each handshake that fails, are no JSON. It reads this when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
try:
    from trialbox.server.app import main
except ModuleNotFoundError as error:
    sys.stderr.write(
        f"the server needs {error.name}, which is not installed: "
        "pip install 'trialbox[server]' (in a clone: pip install '.[server]')\n"
    )
    sys.exit(_NOT_INSTALLED_STATUS)
sys.exit(main())
