"""Lighter, darker and mixed colours, as plain RGB tuples of 0..255."""

Colour = tuple[int, int, int]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Colour between `a` and `b`; `share` of b in [0, 1]."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def darker(colour: Colour, share: float) -> Colour:
    """Towards a warm black."""
    return mix(colour, (18, 16, 20), share)


def paler(colour: Colour, share: float) -> Colour:
    """Towards a warm white."""
    return mix(colour, (255, 252, 244), share)
