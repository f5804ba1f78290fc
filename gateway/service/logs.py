"""One log for every process: JSON lines for machines, aligned text for a terminal. No caller's number, no words."""

from __future__ import annotations

import io
import logging
import select
import sys
from typing import TYPE_CHECKING, Any

import structlog

from gateway.service.discretion import mask, tell
from gateway.site.settings import LogSettings

if TYPE_CHECKING:
    from typing import TextIO

    from structlog.typing import EventDict, Processor

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FIRST = ("time", "level", "process", "event", "call_id")
_PIECE = select.PIPE_BUF // 4  # characters, of four bytes at most
_IDENTIFIERS = frozenset({"time", "level", "process", "call_id", "number", "tickets", "intake_number"})
"""Fields whose digits are ours (or the intake's), not a telephone's."""


def configure_logs(process: str, settings: LogSettings | None = None) -> None:
    """Send every ``logging`` record of this process to stderr, marked with the process's name.

    What was bound by ``structlog.contextvars`` (the ``call_id``) is in each line of that context. A line for which
    stderr has no room is lost, and counted.
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
    handler = _Unwaiting(sys.stderr)
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


class _Stream(io.TextIOBase):
    """A file that raises BlockingIOError where it has no room; of a long text some may be written all the same."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        step = len(text) if len(text.encode(errors="replace")) <= select.PIPE_BUF else _PIECE
        for start in range(0, len(text), step):
            if not self._has_room():
                raise BlockingIOError
            self._file.write(text[start : start + step])
            self._file.flush()
        return len(text)

    def _has_room(self) -> bool:
        """Whether a pipe takes PIPE_BUF bytes at once, a terminal or a socket something."""
        looking = select.poll()
        try:
            looking.register(self._file.fileno(), select.POLLOUT)
        except (OSError, ValueError):  # no file at all, or closed
            return True
        return any(event & select.POLLOUT for _, event in looking.poll(0))


class _Unwaiting(logging.StreamHandler[_Stream]):
    """Never waits for whoever reads the log: a paused terminal or a full pipe must not stop a call's threads."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(_Stream(stream))
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            super().emit(_say_lost(lost))
            self._lost *= lost  # 1 when that was lost too
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        if isinstance(sys.exc_info()[1], BlockingIOError):
            self._lost += 1
        else:
            super().handleError(record)


def _say_lost(lines: int) -> logging.LogRecord:
    told = "%d lines of this log are lost: nobody read them in time"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, told, (lines,), None)


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
