"""Colours can be read on dark and light terminals, whatever their scheme.

Source: WCAG 2.2, "relative luminance", "contrast ratio", 1.4.3 (4.5 : 1 for text) and 1.4.11 (3 : 1 for what marks).
"""

import pytest
from rich.style import Style as RichStyle
from support.marks import on_sqlite_alone
from support.typist import Typist

from custmerge.cli.render.text.styles import Style, definitions

XTERM = (
    *("#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5"),
    *("#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff"),
)
TERMINAL_APP = (
    *("#000000", "#990000", "#00a600", "#999900", "#0000b2", "#b200b2", "#00a6b2", "#bfbfbf"),
    *("#666666", "#e60000", "#00d900", "#e6e600", "#0000ff", "#e600e6", "#00e6e6", "#e6e6e6"),
)
SOLARIZED = (
    *("#073642", "#dc322f", "#859900", "#b58900", "#268bd2", "#d33682", "#2aa198", "#eee8d5"),
    *("#002b36", "#cb4b16", "#586e75", "#657b83", "#839496", "#6c71c4", "#93a1a1", "#fdf6e3"),
)
SCHEMES = {
    # XTerm-col.ad and `xterm -rv`.
    "black": ("#000000", "#ffffff", XTERM),
    "white": ("#ffffff", "#000000", XTERM),
    # Terminal.app's profile "Basic", as Wikipedia's "ANSI escape code" lists it; it follows the system's appearance.
    "macOS Basic": ("#ffffff", "#000000", TERMINAL_APP),
    "macOS Basic, dark": ("#1e1e1e", "#ffffff", TERMINAL_APP),
    # ethanschoonover.com/solarized: base3 and base00, base03 and base0.
    "Solarized light": ("#fdf6e3", "#657b83", SOLARIZED),
    "Solarized dark": ("#002b36", "#839496", SOLARIZED),
}
"""Background, foreground and the 16 colours of each."""
STEPS = (0, 95, 135, 175, 215, 255)
"""Of red, green and blue in the colours 16 to 231. Source: xterm, 256colres.pl."""


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def shown(colour, palette):
    """What a terminal with this palette shows for one of Rich's colours."""
    if colour.number < 16:
        return palette[colour.number]
    levels = divmod(colour.number - 16, 36)
    return "#{:02x}{:02x}{:02x}".format(*(STEPS[level] for level in (levels[0], *divmod(levels[1], 6))))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("colours", ["standard", "256", "truecolor"])
def test_every_style_can_be_read_on_every_terminal(scheme, colours):
    background, _foreground, palette = SCHEMES[scheme]
    for name, written in definitions(colours).items():
        style = RichStyle.parse(written)
        assert not style.dim, name
        # A colour of letters alone, or of the background alone, would meet a scheme that it can't be read on.
        assert (style.color is None) == (style.bgcolor is None), name
        if style.color is None:
            continue
        assert colours != "standard" or max(style.color.number, style.bgcolor.number) < 16, name
        own = shown(style.bgcolor, palette)
        assert contrast(shown(style.color, palette), own) >= 4.5, name
        assert colours == "standard" or contrast(own, background) >= 3, name


def test_every_style_is_defined_for_every_terminal():
    for colours in ("standard", "256", None):
        assert set(Style) <= definitions(colours).keys()


@on_sqlite_alone
@pytest.mark.parametrize(("term", "is_rich"), [("xterm-256color", True), ("xterm", False)])
def test_rows_that_differ_have_a_background_of_their_own(world, agent, term, is_rich):
    world.customer("10001")
    world.customer("20002", city="Ulm")
    typist = Typist(agent, "diff", "20002", "--into", "10001", "--all", TERM=term, COLORTERM=None)
    assert typist.ends() == 1
    rows = typist.child.before.splitlines()
    (city,) = [row for row in rows if "Ulm" in row]
    (street,) = [row for row in rows if "street" in row]
    # One stretch of colour from the mark to the end, and none where nothing differs.
    assert city.count("\x1b[38;5;16;48;5;136m" if is_rich else "\x1b[30;47m") >= 1
    assert ("48;5" in city) is is_rich
    assert "\x1b[" not in street


def test_contrast_is_computed_as_the_source_does():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
