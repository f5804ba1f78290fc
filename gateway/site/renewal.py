"""Which settings a running gateway takes anew, and which only its next start does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from config.document import ConfigError
from gateway.site.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RENEWED: Final = frozenset(
    {
        "dialogue.flow",
        "dialogue.prompts",
        "dialogue.hotlines",
        "dialogue.categories",
        "dialogue.calendar",
        "dialogue.replacements",
        "understanding.gazetteer",
        "understanding.divisions",
        "understanding.points",
        "understanding.dispatch",
        "understanding.classifier",
        "sip.cap",
        "access.allow",
        "access.peers",
        "access.per_source_per_second",
        "access.burst",
        "passing.cap",
        "passing.kept_for_danger",
    }
)
"""What a reload takes from the settings, by name."""


def flatten(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Each setting by its name, ``section.key``; a section that is no mapping is one setting."""
    for section in type(settings).model_fields:
        value = getattr(settings, section)
        keys = getattr(type(value), "model_fields", None)
        if keys is None:
            yield section, value
        else:
            yield from ((f"{section}.{key}", getattr(value, key)) for key in keys)


class Source:
    """The settings file of one gateway: what it was started with, and what the file says now.

    ``file`` is the operator's own (None: the embedded default), which `hotline up` may have settled otherwise for its
    children; ``settled`` is what this gateway runs with.
    """

    def __init__(self, file: Path | None, settled: Settings) -> None:
        self.file, self._node = file, settled.node
        try:
            began = self._read()
        except ConfigError:  # changed since `hotline up` has read it; the gateway starts all the same
            began = settled
        self._began = began
        self.running = settled if began is settled else _renew(settled, began)
        """What is in force."""

    def read(self) -> tuple[Settings, tuple[str, ...]]:
        """What would be in force after a reload, and what differs that only a restart takes; raises ConfigError."""
        now = self._read()
        before = dict(flatten(self._began))
        late = tuple(
            name for name, value in flatten(now) if name not in RENEWED and value != before.get(name)
        )
        return _renew(self.running, now), late

    def _read(self) -> Settings:
        """What the file says for the gateway of this node, wherever its port may have been moved to."""
        now = read_settings(self.file)
        ports = {now.node: now.sip.port, **{one.node: one.port for one in now.gateways}}
        if self._node not in ports:
            what = f"no gateway has the node {self._node} any more, but one runs"
            remedy = "give its node back to `node` or to a line of `gateways`, or stop it"
            raise ConfigError(str(self.file or "settings"), 0, what, remedy)
        return now.of_gateway(ports[self._node])


def _renew(running: Settings, now: Settings) -> Settings:
    """The settings that run, with what a reload takes from those of now."""
    changes: dict[str, dict[str, Any]] = {}
    for name, value in flatten(now):
        if name in RENEWED:
            section, _, key = name.partition(".")
            changes.setdefault(section, {})[key] = value
    sections = {name: getattr(running, name).model_copy(update=keys) for name, keys in changes.items()}
    return running.model_copy(update=sections)
