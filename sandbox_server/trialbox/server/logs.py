"""What is logged, and how: one JSON object a line, and nothing of a program in it."""

import asyncio
import logging
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from trialbox.server import tracing

# It quotes metadata that is no text, which may be a token but for one byte.
_QUOTES_METADATA = "grpc._cython.cygrpc"

_log = structlog.get_logger(__name__)


def configure_logging(level: str) -> None:
    """Log one JSON object a line to standard error, what libraries log too."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        _without_message,
    ]
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[*shared, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # At debug they tell more than an operator of this service asks for.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(_QUOTES_METADATA).addFilter(_without_arguments)


def log_loop_error(loop: asyncio.AbstractEventLoop, found: dict[str, Any]) -> None:
    """Log what nobody awaited, as an event loop's exception handler: asyncio's own would quote the exception."""
    _log.error("unawaited", what=found["message"], exc_info=found.get("exception"))


def _without_arguments(record: logging.LogRecord) -> bool:
    record.args = ()
    return True


def _add_trace(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    event.update(tracing.ids())
    return event


def _without_message(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Tell of an exception by its type and where it was raised: its message may quote what a program holds."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = type(error).__name__
        event["traceback"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        ]
    return event
