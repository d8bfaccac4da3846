"""The `trialbox` command: one small module a command, imported when it is asked for."""

import sys

_EXTRA = ("typer", "rich")


def main() -> int:
    """Run the command line in `sys.argv` and return or raise its exit status."""
    try:
        from trialbox.cli._app import build

        app = build(sys.argv[1:])
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        sys.stderr.write(
            f"trialbox: the command needs {missing}, which is not installed: pip install 'trialbox[cli]'\n"
        )
        return 2
    app()
    return 0
