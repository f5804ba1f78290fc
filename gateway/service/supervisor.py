"""`hotline up`: every process as a child, replaced when it dies or hangs, ended together."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import json
import logging
import os
import signal
import sys
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

import yaml

from config.fault import Fault, LastingFault
from gateway.service.attendance import tell_end
from gateway.service.health import ask_health
from gateway.service.watchdog import Watch, end_hung, send
from gateway.site.reach import AWAY, reach
from gateway.site.telling import tell
from recordings.database import migrate

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from gateway.site.settings import Paths, Settings

log = logging.getLogger(__name__)

_CALM_SECONDS = 10.0
_MIGRATION_SECONDS = 30.0  # after which the children are started without it
_FIRST_DELAY_SECONDS = 0.5
_LAST_DELAY_SECONDS = 30.0
_STOP_SECONDS = 10.0  # for a child to end, once its calls have
_POLL_SECONDS = 0.1
_PASSING = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}  # no process can be made just now
_PR_SET_PDEATHSIG = 1
_VITAL = {"gateway", "worker"}
_LIBC = ctypes.CDLL(None)


class UpError(Fault):
    """The house cannot be brought up; the message says why and what to do."""


def _die_with_parent() -> None:
    """Child, before exec: a supervisor that was killed leaves no orphans behind (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class _Child:
    name: str
    command: list[str]
    drains: bool
    vital: bool  # without it no call is answered, or no ticket delivered
    watch: Watch
    process: asyncio.subprocess.Process | None = None


class Supervisor:
    """Runs the processes; ``log_to`` takes their log instead of this process's own stderr.

    ``environment`` is what they are told besides what this process was.
    """

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        log_to: IO[bytes] | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._settings, self._paths, self._log_to = settings, paths, log_to
        self._environment = {**os.environ, **environment, "RUNTIME_DIRECTORY": str(paths.run)}
        self._stopping = False
        self._was_ready = False
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Gets a message when a needed child cannot be helped by restarting it, or one is no longer looked after."""
        self._tasks: list[asyncio.Task[None]] = []
        self._children: list[_Child] = []

    async def start(self) -> None:
        """Migrate the database (later, if it is away or takes its time) and start every child."""
        await self._migrate()
        effective = self._paths.run / "settings.yaml"
        effective.touch(mode=0o600)
        document = json.loads(self._settings.model_dump_json(by_alias=True))
        effective.write_text(
            yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True), encoding="utf-8"
        )
        base = [sys.executable, "-m", "gateway", "--config", str(effective), "--data", str(self._paths.data)]
        commands = [["worker"], ["console"], ["gateway"]]
        commands += [["gateway", "--port", str(further.port)] for further in self._settings.gateways]
        if self._settings.asr.listen or not self._settings.asr.url:
            commands.insert(0, ["asr"])
        if self._settings.asr.runs_second:
            commands.insert(0, ["asr", "--second"])
        if not self._settings.intake.url:
            commands.insert(0, ["intake"])
        self._children = [
            _Child(
                " ".join(command),
                [*base, *command],
                drains=command[0] == "gateway",
                vital=command[0] in _VITAL,
                watch=Watch(self._paths.run / f"watch-{command[0]}-{command[-1]}.sock"),
            )
            for command in commands
        ]
        for child in self._children:
            self._begin(self._keep(child), f"the keeper of {child.name}")

    async def _migrate(self) -> None:
        """Callers do not wait for a database, be it away, silent or at work on its tables: that goes on beside them."""
        attempt = partial(migrate, self._paths.database_url(self._settings))
        first = asyncio.create_task(attempt())
        await asyncio.wait((first,), timeout=_MIGRATION_SECONDS)
        try:
            if first.done():
                first.result()
                return
            first.cancel()
            log.warning("the database's tables are not ready yet, going on without them")
        except AWAY as error:
            log.warning("database out of reach, going on without it: %s", tell(error))
        self._begin(reach(attempt), "migration")

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._fail(tell_end(task))

    def _fail(self, why: str) -> None:
        if not self.failed.done():
            self.failed.set_result(why)

    def _give_up(self, child: _Child) -> None:
        """At the start somebody watches; later the telephone outlives whatever it can do without."""
        told = f"{child.name} cannot run; the reason stands in its log"
        if child.vital or not self._was_ready:
            self._fail(told)
        else:
            log.critical("%s; it stays down until `hotline up` is started again", told)

    async def _keep(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        delay = _FIRST_DELAY_SECONDS
        while not self._stopping:
            began = loop.time()
            try:
                code, hung = await self._live(child)
            except OSError as error:
                if error.errno not in _PASSING:
                    raise
                code, hung = error.strerror, False
            if self._stopping:
                return
            if code == LastingFault.exit_code:
                self._give_up(child)
                return
            if hung:  # its silence was pause enough
                log.error("%s ended (%s), starting it again", child.name, code)
                continue
            if loop.time() - began > _CALM_SECONDS:
                delay = _FIRST_DELAY_SECONDS
            log.error("%s ended (%s), starting it again in %.1f s", child.name, code, delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LAST_DELAY_SECONDS)

    async def _live(self, child: _Child) -> tuple[int | str | None, bool]:
        """A child's life from start to end: its exit status, and whether it was ended because it hung."""
        child.watch.begin()
        process = child.process = await asyncio.create_subprocess_exec(
            *child.command,
            stderr=self._log_to,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends them in order
            preexec_fn=_die_with_parent,
            env={**self._environment, **child.watch.environment},
        )
        silence = asyncio.create_task(child.watch.overdue(process.pid))
        ending = asyncio.create_task(process.wait())
        try:
            await asyncio.wait((silence, ending), return_when=asyncio.FIRST_COMPLETED)
            hung = not ending.done()
            if hung:
                log.error(
                    "%s (process %d) has given no sign of life for %.0f s, it hangs: "
                    "ending it, the stacks of its threads follow where they can be had",
                    child.name,
                    process.pid,
                    await silence,
                )
                await end_hung(process, child.name)
            return await ending, hung
        finally:
            silence.cancel()
            ending.cancel()

    async def ready(self) -> dict[str, Any]:
        """Wait until the gateway takes calls, however often it has to be started for that; its health.

        Speech recognition is not waited for: without it calls go by keys. Raises UpError.
        """
        health = await self._answers()
        self._was_ready = True
        return health

    async def _answers(self) -> dict[str, Any]:
        while not self.failed.done():
            health = await ask_health(self._paths.gateway_socket)
            if (
                health is not None and health["pid"] in self._processes()
            ):  # not a predecessor's that still drains
                return health
            await asyncio.sleep(_POLL_SECONDS)
        raise UpError(self.failed.result())

    async def hears(self, seconds: float) -> dict[str, Any]:
        """Wait until the gateway takes calls, speech recognition hears them and the page is there.

        Returns the gateway's health; raises UpError.
        """
        what = "the gateway"
        try:
            async with asyncio.timeout(seconds):
                while (health := await self._answers())["asr"] != "up":
                    what = "speech recognition"
                    await asyncio.sleep(_POLL_SECONDS)
                while await ask_health(self._paths.console_socket) is None:
                    what = "the agents' page"
                    await asyncio.sleep(_POLL_SECONDS)
                    await self._answers()
        except TimeoutError:
            raise UpError(f"{what} did not come up within {seconds:.0f} s; the log says why") from None
        self._was_ready = True
        return health

    def _processes(self) -> set[int]:
        return {child.process.pid for child in self._children if child.process is not None}

    async def stop(self) -> None:
        """End the children: gateways first (they drain), then what they need."""
        self._stopping = True
        for drains in (True, False):
            await asyncio.gather(*(self._end(child) for child in self._children if child.drains is drains))
        for task in self._tasks:
            task.cancel()
        for child in self._children:
            child.watch.close()

    async def _end(self, child: _Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        send(process, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), self._settings.sip.drain_seconds + _STOP_SECONDS)
        except TimeoutError:
            send(process, signal.SIGKILL)
