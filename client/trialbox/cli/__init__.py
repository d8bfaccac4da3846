"""The `trialbox` command: one small module a command, imported when it is asked for."""

import os
import sys

from trialbox.cli._extras import advice

_EXTRA = ("typer", "rich")


def main() -> int:
    """Run the command line in `sys.argv` and return or raise its exit status."""
    # gRPC's own lines, one for each handshake that fails, tell nothing more. It reads this when it is imported.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        from trialbox.cli._app import build

        app = build(sys.argv[1:])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(f"trialbox: {advice('the command', error, 'cli')}\n")
        return 2
    app()
    return 0
