"""How text that strangers wrote comes to a terminal, which obeys control characters."""


def one_line(text: str, limit: int = 160) -> str:
    """Make text that a program or a server wrote safe to show: no control characters, one line, shortened."""
    line = " ".join(text[: limit + 1].split())
    shown = harmless(line)
    return shown if len(text) <= limit and len(shown) <= limit else shown[: limit - 1] + "…"


def harmless(text: str) -> str:
    """Show what a terminal would obey or can't show by its number; lines stay lines."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)
