"""The files that tickets are understood by, as the settings name them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from config.fault import LastingFault
from tickets.meaning.files import RuleFiles
from tickets.meaning.understanding import use, warm_up

if TYPE_CHECKING:
    from gateway.site.settings import Settings


log = logging.getLogger(__name__)


def name_rules(settings: Settings) -> RuleFiles:
    """The operator's files that tickets are understood by."""
    files = settings.understanding
    return RuleFiles(
        categories=settings.dialogue.categories,
        classifier=files.classifier,
        dispatch=files.dispatch,
        gazetteer=files.gazetteer,
        divisions=files.divisions,
        points=files.points,
    )


def choose_rules(settings: Settings) -> None:
    """Let tickets be understood by the operator's files from here on; raises LastingFault."""
    use(name_rules(settings))


def choose_some_rules(settings: Settings, *, warm: bool = False) -> None:
    """The same, or by the embedded ones: calls are answered and filed whatever an operator has written.

    ``warm``: and with all that a first text would wait for.
    """
    try:
        choose_rules(settings)
    except LastingFault as fault:
        log.critical("tickets are understood by the embedded rules, yours cannot be used: %s", fault)
        use(RuleFiles())
    if warm:
        warm_up()
