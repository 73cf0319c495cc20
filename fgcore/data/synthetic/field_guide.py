"""Part sheets: what each species of bird and each model of car looks like, part by part.

A sheet is the whole definition of a class: the painters read nothing else about it, so two sheets that
agree on a part are drawn with the same part, and the parts on which they differ are what tells them apart.

An attribute reads "rose", "umber streaks on rose", "two white", "silver discs" or "none". For birds the last
word is the colour of the part (its ground, where it has a pattern) and the word before the pattern its ink;
for cars the first word is the colour, "body" meaning the paint of the car.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from fgcore.data.synthetic.families import (
    BIRD_FAMILIES,
    BIRD_PARTS,
    CAR_FAMILIES,
    CAR_PARTS,
    PIGMENTS,
    PLAIN_BIRD,
    PLAIN_CAR,
    Family,
)
from fgcore.data.synthetic.tones import Colour


@dataclass(frozen=True)
class PartSheet:
    """One class, part by part.

    Attributes:
        name: class name, as a field guide would print it.
        family: the look-alike family it belongs to.
        parts: part name -> attribute, as in the module's docstring.
    """

    name: str
    family: str
    parts: Mapping[str, str]

    def has(self, part: str) -> bool:
        """Whether the class has the part at all."""
        return self.parts[part] != "none"

    def colour(self, part: str) -> Colour:
        """RGB of the part, of its ground where it carries a pattern; not for "none", "body" and shapes."""
        return PIGMENTS[self.parts[part].split()[-1]]

    def pattern(self, part: str) -> tuple[str, Colour] | None:
        """Name and ink of the part's pattern, ("streaks", RGB) of "umber streaks on rose"; None where plain."""
        words = self.parts[part].split()
        return (words[1], PIGMENTS[words[0]]) if "on" in words else None


def _members(families: dict[str, Family], shared: dict[str, str], order: tuple[str, ...]) -> tuple[PartSheet, ...]:
    """The sheets of all families of a kind, in order."""
    sheets = []
    for family, (plain, members) in families.items():
        for name, change in members.items():
            parts = {**shared, **plain, **change}
            assert set(parts) == set(order), f"{name}: the parts are not those of its kind"
            sheets.append(PartSheet(name, family, {part: parts[part] for part in order}))
    return tuple(sheets)


_GUIDE = {
    "birds": _members(BIRD_FAMILIES, PLAIN_BIRD, BIRD_PARTS),
    "cars": _members(CAR_FAMILIES, PLAIN_CAR, CAR_PARTS),
}

KINDS: tuple[str, ...] = ("birds", "cars")


def sheets(kind: str) -> tuple[PartSheet, ...]:
    """The part sheets of all classes of a kind, in class order.

    Args:
        kind: one of `KINDS`.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in _GUIDE:
        raise ValueError(f"expected a kind of synthetic object, {' or '.join(KINDS)}, got {kind!r}; choose one of them")
    return _GUIDE[kind]


def class_names(kind: str) -> tuple[str, ...]:
    """The names of all classes of a kind, in class order."""
    return tuple(sheet.name for sheet in sheets(kind))


def sheet_of(kind: str, class_index: int) -> PartSheet:
    """The part sheet of one class.

    Raises:
        ValueError: unknown kind, or no such class.
    """
    guide = sheets(kind)
    if not 0 <= class_index < len(guide):
        raise ValueError(
            f"expected a class index of the synthetic {kind} from 0 to {len(guide) - 1}, got {class_index}; "
            f"class_names({kind!r}) lists the classes in order"
        )
    return guide[class_index]


def discriminative_parts(kind: str, class_index: int, other: int) -> tuple[str, ...]:
    """The parts on which the sheets of two classes differ, in the order of the sheet; empty for a class and itself."""
    mine, theirs = sheet_of(kind, class_index).parts, sheet_of(kind, other).parts
    return tuple(part for part in mine if mine[part] != theirs[part])


@cache
def nearest_relative(kind: str, class_index: int) -> int:
    """The class of the same family with the fewest discriminative parts; the first of them where several tie."""
    family = sheet_of(kind, class_index).family
    members = [i for i, sheet in enumerate(sheets(kind)) if sheet.family == family and i != class_index]
    return min(members, key=lambda other: len(discriminative_parts(kind, class_index, other)))
