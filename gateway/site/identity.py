"""Whose processes these are: root's own commands work on an installation as its user, never as root."""

from __future__ import annotations

import os
import pwd

from config.document import ConfigError


def become(name: str) -> None:
    """Go on as user NAME with its groups and home, if this is root; a file that root made here would stop the services.

    Raises ConfigError when there is no such user.
    """
    if os.geteuid() != 0 or not name:
        return
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(
            "HOTLINE_USER", 0, f"there is no user {name}", "run `hotline install` again / 请重新安装"
        ) from None
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = user.pw_dir
