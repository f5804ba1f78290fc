"""One log for every process: JSON lines for machines, aligned text for a terminal. No caller's number, no words."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _take_extra(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """``extra={…}`` of the standard library becomes fields of the line."""
    record = event.get("_record")
    if record is not None:
        event.update({k: v for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("_")})
    return event


def configure_logs(process: str) -> None:
    """Send every ``logging`` record of this process to stderr, marked with the process's name."""

    def mark(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        return event

    terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _take_extra,
        mark,
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(timestamp_key="time")]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("aiohttp.access", "alembic", "aiosqlite"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
