"""Islands that float in the sky."""

from generation.miniature.scenes.brush import Frame, Outline, colour, jitter, mix
from generation.miniature.scenes.setting import Setting

ISLANDS = ((0.2, 0.34, 0.17), (0.82, 0.26, 0.14), (0.5, 0.14, 0.1))
"""About where they float, and half their widths in units; the first is always there."""
# In half widths, around the middle of the top; y points downwards.
ROCK: Outline = (
    (-1, 0), (-0.78, 0.3), (-0.5, 0.42), (-0.3, 0.82), (-0.02, 1.15), (0.2, 0.7), (0.5, 0.48),
    (0.72, 0.26), (1, 0),
)  # fmt: skip
SHADED_ROCK: Outline = (
    (0.05, 0), (1, 0), (0.72, 0.26), (0.5, 0.48), (0.2, 0.7), (-0.02, 1.15), (0.1, 0.5),
)  # fmt: skip
FRINGE: Outline = (
    (-1.02, 0), (1.02, 0), (0.8, 0.2), (0.5, 0.08), (0.2, 0.22), (-0.15, 0.1), (-0.5, 0.24),
    (-0.8, 0.1),
)  # fmt: skip
TREES = ((-0.45, 0.42), (-0.1, 0.58), (0.4, 0.48))
"""Where round trees stand, and how tall they are."""
STONE, STONE_SHADE = colour("#8a7468"), colour("#1c1420")
GRASS, LEAVES = colour("#66b04a"), colour("#2f7a44")


def islands(setting: Setting) -> None:
    """One to three rocks, green on top and pointed below; more are also larger."""
    rng = setting.rng
    is_mirrored = rng.random() < 0.5
    grown = 0.8 + 0.2 * setting.amount("islands")
    count = setting.count("islands", 0.7, 1.2)
    for x, y, size in reversed(ISLANDS[:count]):
        at_x = (1 - x if is_mirrored else x) + rng.uniform(-0.05, 0.05)
        at_y = y + rng.uniform(-0.04, 0.05)
        _island(setting, Frame(setting.canvas, at_x, at_y, size * grown))


def _island(setting: Setting, frame: Frame) -> None:
    canvas, mood, size = setting.canvas, setting.mood, frame.scale
    stone = mood.lit(jitter(setting.rng, STONE))
    frame.lay(stone, ROCK)
    frame.lay(mix(stone, STONE_SHADE, 0.38), SHADED_ROCK)
    top = canvas.shapes().ellipse(frame.x, frame.y, size * 1.02, size * 0.2)
    top.polygon(frame.place(FRINGE))
    canvas.lay(top.mask(), mix(mood.lit(GRASS), mood.facing, 0.15))
    trees = canvas.shapes()
    for dx, tall in TREES:
        ((x, y),) = frame.place([(dx, -tall * 0.7)])
        trees.ellipse(x, y, size * 0.24, size * tall * 0.55)
    canvas.lay(trees.mask(), mood.lit(LEAVES))
