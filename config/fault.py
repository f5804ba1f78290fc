"""What a person has to mend: the base of every error whose message is meant for an operator."""

from __future__ import annotations


class Fault(Exception):  # noqa: N818 - the word for what is wrong, whoever's error it was
    """Its message says what is wrong, where, and what to do; the command shows it instead of a traceback.

    ``exit_code`` is the command's: 1, or sysexits.h's EX_CONFIG (78) when trying again does not help.
    """

    exit_code = 1


class LastingFault(Fault):
    """What is wrong now will be wrong at the next start too: settings, files, rights."""

    exit_code = 78
