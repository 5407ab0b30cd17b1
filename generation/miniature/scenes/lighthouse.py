"""A lighthouse on its rock."""

from generation.miniature.scenes.brush import BLACK, Frame, Outline, Point, colour, jitter, mix
from generation.miniature.scenes.setting import Setting

# y points downwards, 0 is the tower's foot.
ROCK: Outline = ((-0.55, 0.3), (-0.42, 0.1), (-0.2, -0.06), (0.16, -0.08), (0.4, 0.08), (0.6, 0.3))
LIT_ROCK: Outline = ((-0.42, 0.1), (-0.2, -0.06), (0.0, -0.07), (-0.1, 0.3), (-0.5, 0.3))
STRIPES = ((0.14, 0.34), (0.54, 0.74))
"""The lower and upper ends of the red stripes, as shares of the tower's height."""
SHADED_SIDE: Outline = ((0.03, 0), (0.13, 0), (0.08, -0.92), (0.02, -0.92))
GALLERY: Outline = ((-0.12, -0.9), (0.12, -0.9), (0.12, -0.94), (-0.12, -0.94))
LAMP: Outline = ((-0.07, -0.92), (0.07, -0.92), (0.06, -1.06), (-0.06, -1.06))
ROOF: Outline = ((-0.11, -1.05), (0.11, -1.05), (0, -1.2))
STONE, PLASTER, RED = colour("#54525c"), colour("#f8f4ec"), colour("#d8322c")
LAMPLIGHT, PANE = colour("#fff2b0"), colour("#a8c4d8")
BEAM, BEAM_GLOW = colour("#fff0b0"), colour("#ffe9a0")


def lighthouse(setting: Setting) -> None:
    """A striped tower on a rock at one side; its lamp throws a beam when it is dark.

    More of it is larger.
    """
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    is_right = rng.random() < 0.5
    x = rng.uniform(0.78, 0.86) if is_right else rng.uniform(0.14, 0.22)
    frame = Frame(canvas, x, setting.horizon + 0.07, 0.36 + 0.1 * setting.amount("lighthouse"))
    if mood.is_dark:
        _beam(frame, -1 if is_right else 1)
    stone = mood.lit(jitter(rng, STONE))
    plaster, red = mood.bright(PLASTER, 0.25), mood.bright(RED, 0.25)
    frame.lay(stone, ROCK)
    frame.lay(mix(stone, mood.rim, 0.25), LIT_ROCK)
    frame.lay(plaster, _band(0, 1))
    frame.lay(red, *(_band(low, high) for low, high in STRIPES))
    canvas.shade(frame.mask(SHADED_SIDE), 0.25)
    frame.lay(LAMPLIGHT if mood.is_dark else mood.lit(PANE), LAMP)
    frame.lay(mix(red, BLACK, 0.35), ROOF, GALLERY)


def _beam(frame: Frame, way: int) -> None:
    """Light from the lamp across the picture, to the left (-1) or to the right (1)."""
    canvas = frame.canvas
    ((x, y),) = frame.place([(0, -1.0)])
    cone = canvas.at(x, y, [(0, 0), (way * 1.6, -0.26), (way * 1.6, 0.16)])
    canvas.shine(canvas.shapes().polygon(cone).mask(0.01) * 0.5, BEAM)
    canvas.glow(x, y, 0.1, BEAM_GLOW, 0.9)


def _band(low: float, high: float) -> list[Point]:
    """The tower between two shares of its height; it narrows upwards."""
    wide, narrow = (0.13 - 0.05 * level for level in (low, high))
    foot, top = (-0.9 * level - 0.02 for level in (low, high))
    return [(-wide, foot), (wide, foot), (narrow, top), (-narrow, top)]
