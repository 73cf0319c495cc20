"""Numbers as bars, as HTML: a share of a whole, with a mark where it would stand by chance."""

import html
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ShareBar:
    """One bar."""

    label: str
    told: str  # the value in words or digits
    share: float  # how far the bar reaches, 0 .. 1
    mark: float | None = None  # where to put a tick, 0 .. 1
    role: str = ""  # "class" or "contrast": in that one's colour


def share_bars(rows: Sequence[ShareBar]) -> str:
    """The bars below each other."""
    return f'<ul class="fg-shares">{"".join(_row(row) for row in rows)}</ul>'


def _row(row: ShareBar) -> str:
    tick = "" if row.mark is None else f'<u style="--mark:{100 * row.mark:.2f}%"></u>'
    share = min(max(row.share, 0.0), 1.0)
    return (
        f'<li class="fg-{row.role or "other"}"><div><span>{html.escape(row.label)}</span>'
        f'<span>{html.escape(row.told)}</span></div><i style="--share:{100 * share:.2f}%">{tick}</i></li>'
    )
