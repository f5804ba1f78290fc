"""One log for every process: JSON lines for machines, aligned text for a terminal. No caller's number, no words."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

from gateway.service.discretion import mask, tell
from gateway.site.settings import LogSettings

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FIRST = ("time", "level", "process", "event", "call_id")
_IDENTIFIERS = frozenset({"time", "level", "process", "call_id", "number", "tickets", "intake_number"})
"""Fields whose digits are ours (or the intake's), not a telephone's."""


def configure_logs(process: str, settings: LogSettings | None = None) -> None:
    """Send every ``logging`` record of this process to stderr, marked with the process's name.

    What was bound by ``structlog.contextvars`` (the ``call_id``) is in each line of that context.
    """
    chosen = settings or LogSettings()
    as_text = chosen.format == "text" or (chosen.format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _take_extra,
    ]

    def finish(_logger: Any, _name: str, event: EventDict) -> EventDict:
        return _withhold(_arrange({"process": process, **event}))

    render: Processor = (
        structlog.dev.ConsoleRenderer(timestamp_key="time", colors=sys.stderr.isatty())
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, finish, render],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=chosen.level.upper(), handlers=[handler], force=True)
    for noisy in ("aiohttp.access", "alembic", "aiosqlite", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(
            logging.WARNING
        )  # at lower levels these quote requests and statements


def _take_extra(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """``extra={…}`` of the standard library becomes fields of the line."""
    record = event.get("_record")
    if record is not None:
        event.update({k: v for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("_")})
        if record.name == "asyncio":  # its further lines are the repr of a task with its exception
            event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _arrange(event: EventDict) -> EventDict:
    """What every line has comes first."""
    first = {key: event.pop(key) for key in _FIRST if key in event}
    return {**first, **event}


def _withhold(event: EventDict) -> EventDict:
    """Nothing personal leaves, whoever wrote the line."""
    trouble = event.pop("exc_info", None)
    if trouble is True:
        trouble = sys.exc_info()
    if isinstance(trouble, tuple):
        trouble = trouble[1]
    if isinstance(trouble, BaseException):
        event["exception"] = tell(trouble)
    event.pop("stack_info", None)
    return {key: value if key in _IDENTIFIERS else _masked(value) for key, value in event.items()}


def _masked(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [_masked(one) for one in value]
        case dict():
            return {key: _masked(one) for key, one in value.items()}
        case _:
            return mask(str(value))
