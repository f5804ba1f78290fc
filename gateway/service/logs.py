"""One log for every process: JSON lines for machines, aligned text for a terminal. No caller's number, no words."""

from __future__ import annotations

import io
import logging
import os
import queue
import select
import stat
import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from gateway.service.discretion import mask, tell
from gateway.site.settings import LogSettings

if TYPE_CHECKING:
    from typing import TextIO

    from structlog.typing import EventDict, Processor

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FIRST = ("time", "level", "process", "event", "call_id")
_LINES = 10_000  # that wait for a log which is a file, on a disk that stands still
_FLUSH_SECONDS = 2.0
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
    handler = _Unwaiting(_Behind(sys.stderr) if _is_file(sys.stderr) else _Stream(sys.stderr))
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


class _Unwaited(Protocol):
    """Where lines go; raises BlockingIOError where there is no room for one."""

    def write(self, text: str) -> int:
        """Take a text without waiting for anybody."""

    def drain(self) -> None:
        """Wait, for a bounded time, until what was taken is out."""


def _is_file(file: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, ValueError):  # no file at all, or closed
        return False


class _Behind:
    """A file on a disk, written by a thread: no call waits for a disk that stands still."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting: queue.Queue[str] = queue.Queue(_LINES)
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def write(self, text: str) -> int:
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            raise BlockingIOError from None
        return len(text)

    def drain(self) -> None:
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(
                lambda: not self._waiting.unfinished_tasks, timeout=_FLUSH_SECONDS
            )

    def _run(self) -> None:
        while True:
            text = self._waiting.get()
            try:
                self._file.write(text)
                self._file.flush()
            except (OSError, ValueError):  # full, or closed: there is nobody to tell
                pass
            finally:
                self._waiting.task_done()


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

    def drain(self) -> None:
        """Nothing waits here."""

    def _has_room(self) -> bool:
        """Whether a pipe takes PIPE_BUF bytes at once, a terminal or a socket something."""
        looking = select.poll()
        try:
            looking.register(self._file.fileno(), select.POLLOUT)
        except (OSError, ValueError):  # no file at all, or closed
            return True
        return any(event & select.POLLOUT for _, event in looking.poll(0))


class _Unwaiting(logging.StreamHandler[_Unwaited]):
    """Never waits for who takes the log: a paused terminal, a full pipe or a disk must not stop a call's threads."""

    def __init__(self, stream: _Unwaited) -> None:
        super().__init__(stream)
        self._lost = 0

    def flush(self) -> None:
        """Nothing: each line is on its way."""

    def close(self) -> None:
        """Let what is on its way arrive."""
        self.stream.drain()
        super().close()

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
