"""Amounts as people write them."""


def millilitres(volume: float) -> str:
    """A volume as people write it: 2,250 ml, 31 ml, 0.4 ml."""
    if volume >= 9.95:
        return f"{volume:,.0f} ml"
    return f"{volume:.1f} ml" if volume >= 0.095 else f"{volume:.2g} ml"
