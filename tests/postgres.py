"""A PostgreSQL server of the tests' own: Debian's binaries, a folder under /tmp, no TCP port."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import asyncpg

_SPEED = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"


class Postgres:
    """A running server; ``stop`` it. Raises FileNotFoundError when PostgreSQL is not installed."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        if not found:
            raise FileNotFoundError("no /usr/lib/postgresql/*/bin/pg_ctl: run `apt-get install postgresql`")
        self._bin = found[-1].parent
        self._folder = Path(tempfile.mkdtemp(prefix="hotline-pg-", dir="/tmp"))
        self._made = 0
        if os.geteuid() == 0:  # the server refuses to run as root
            account = pwd.getpwnam("postgres")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"{_SPEED} -c listen_addresses= -c unix_socket_directories={self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", options, "start")

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # The server inherits what is not redirected, and would keep a pipe of ours open for ever.
        with (self._folder / f"{program}.out").open("w+") as output:
            if subprocess.run(command, stdout=output, stderr=output, cwd="/", check=False).returncode:
                output.seek(0)
                raise RuntimeError(f"{' '.join(command)} failed:\n{output.read()}")

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self._folder))}"

    def create(self, template: str = "template1") -> str:
        """A fresh database, copied from ``template``; its name."""
        self._made += 1
        name = f"test_{self._made}"
        asyncio.run(self._execute(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return name

    def drop(self, name: str) -> None:
        asyncio.run(self._execute(f"DROP DATABASE {name} WITH (FORCE)"))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(user="postgres", database="postgres", host=str(self._folder))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)
