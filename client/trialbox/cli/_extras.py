"""What to say where an extra was not installed; needs none itself."""


def advice(who: str, error: ModuleNotFoundError, extra: str) -> str:
    """Say what is missing and how to get it."""
    missing = (error.name or "").partition(".")[0]
    return (
        f"{who} needs {missing}, which is not installed: "
        f"pip install 'trialbox[{extra}]' (in a clone: pip install '.[{extra}]')"
    )
