"""Phones as Kaldi numbers them: silence, then every phone in four variants by its position in the word.

Phone ids begin at 1. The variants of a phone share its two pdfs, 2·base for its first frame and 2·base + 1 for those
after; so a transition id follows from the phone id alone (Kaldi's chain topology, one state, forward and self-loop).
"""

from collections.abc import Sequence
from dataclasses import dataclass

_POSITIONS = (("B", "begin"), ("E", "end"), ("I", "internal"), ("S", "singleton"))


@dataclass(frozen=True, slots=True)
class Phone:
    """A position-dependent phone: its name, its base phone's index, and its kind in `word_boundary.int`."""

    name: str
    base: int
    kind: str


class PhoneTable:
    """All position-dependent phones, made from base phones of which the first is silence."""

    def __init__(self, bases: Sequence[str]) -> None:
        self.bases = tuple(bases)
        self.phones = (
            Phone(bases[0], 0, "nonword"),
            *(
                Phone(f"{base}_{letter}", index, kind)
                for index, base in enumerate(bases[1:], 1)
                for letter, kind in _POSITIONS
            ),
        )
        self._ids = {phone.name: number for number, phone in enumerate(self.phones, 1)}

    @property
    def pdfs(self) -> int:
        """How many outputs the network has."""
        return 2 * len(self.bases)

    def spell(self, bases: Sequence[str]) -> tuple[int, ...]:
        """Phone ids of a word."""
        if len(bases) == 1:
            return (self._ids[bases[0] + "_S"],)
        middle = [base + "_I" for base in bases[1:-1]]
        return tuple(self._ids[name] for name in (bases[0] + "_B", *middle, bases[-1] + "_E"))

    def format_names(self) -> str:
        """`phones.txt`: name and id."""
        return "<eps> 0\n" + "".join(
            f"{phone.name} {number}\n" for number, phone in enumerate(self.phones, 1)
        )

    def format_boundaries(self) -> str:
        """`word_boundary.int`: id and kind; Vosk finds word times with it."""
        return "".join(f"{number} {phone.kind}\n" for number, phone in enumerate(self.phones, 1))


SILENCE_ID = 1


def loop_transition(phone_id: int) -> int:
    """Transition id of staying in a phone."""
    return 2 * phone_id - 1


def forward_transition(phone_id: int) -> int:
    """Transition id of a phone's first frame."""
    return 2 * phone_id
