"""Texts in tables that people open with a spreadsheet."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Beginnings that spreadsheets take for a formula."""


def harmless_text(text: str) -> str:
    """With a mark in front where a spreadsheet would take the text for a formula, and run it."""
    return f"'{text}" if text.startswith(_FORMULAS) else text
