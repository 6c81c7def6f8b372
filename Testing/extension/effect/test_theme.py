"""What the effect shows can be read in light and dark themes, also by people who see few colours."""

import numpy as np
import pytest
import qt
from MedSAM2SlicerLib.effect.Theme import DARK, LIGHT, themeOf
from MedSAM2SlicerLib.effect.ToolRow import TOOLS, ToolRow

GROUNDS = {LIGHT: ("#ffffff", "#efefef"), DARK: ("#1e1e1e", "#323232")}
"""Base and window of Slicer's styles."""
VISION = {
    "all": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""What is left of linear red, green and blue: Machado, Oliveira and Fernandes 2009, severity 1."""
GRAPHICS, TEXT = 3, 4.5
"""Contrast that WCAG 2.1 asks for (1.4.11 and 1.4.3)."""
EASY_TO_TELL = 15
"""Steps of CIE lightness, 0 to 100."""


def luminance(color: str, vision: str = "all") -> float:
    """Relative luminance of a colour as it is seen, 0 to 1."""
    seen = np.array([qt.QColor(color).redF(), qt.QColor(color).greenF(), qt.QColor(color).blueF()])
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    return float(np.clip(np.asarray(VISION[vision]) @ linear, 0, 1) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str, vision: str) -> float:
    darker, lighter = sorted(luminance(each, vision) for each in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def lightness(color: str, vision: str) -> float:
    """CIE L*."""
    return 116 * np.cbrt(luminance(color, vision)) - 16


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_and_differ_in_lightness_for_everybody(theme, vision):
    base, window = GROUNDS[theme]
    assert contrast(theme.sure, base, vision) >= GRAPHICS
    assert contrast(theme.doubtful, base, vision) >= GRAPHICS
    assert contrast(theme.problem, window, vision) >= TEXT
    differ = abs(lightness(theme.sure, vision) - lightness(theme.doubtful, vision))
    assert differ >= EASY_TO_TELL


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_icons_and_colours_follow_the_theme(aSession, theme):
    window, ink = (GROUNDS[theme][1], "#000000") if theme is LIGHT else (GROUNDS[theme][1], "#ffffff")
    row = ToolRow(lambda tool: None)
    palette = qt.QPalette(row.palette)
    palette.setColor(qt.QPalette.Window, qt.QColor(window))
    palette.setColor(qt.QPalette.ButtonText, qt.QColor(ink))
    row.setPalette(palette)
    assert themeOf(row) == theme
    buttons = row.findChildren(qt.QToolButton)
    assert len(buttons) == len(TOOLS)
    for button in buttons:
        for scale in (1, 2):
            picture = button.icon.pixmap(button.iconSize, scale).toImage()
            assert picture.width() == scale * button.iconSize.width()
            colors = [
                picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())
            ]
            shape = [color for color in colors if color.alpha() > 200]
            assert len(shape) > 0.05 * len(colors)
            assert {color.name() for color in shape} == {ink}
