"""The caller's current trace, which a server continues in its own spans."""

import sys


def headers() -> tuple[tuple[str, str], ...]:
    """The metadata that names the current OpenTelemetry span, as W3C Trace Context does; none where there is none.

    OpenTelemetry is not needed: a caller who has a span has imported it.
    """
    if "opentelemetry.trace" not in sys.modules:
        return ()
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple(carrier.items())
