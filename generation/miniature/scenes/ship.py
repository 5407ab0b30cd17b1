"""A sailing ship."""

from generation.miniature.scenes.brush import BLACK, Frame, Outline, Point, colour, jitter, mix
from generation.miniature.scenes.setting import Setting

# All outlines look to the right; y points downwards, 0 is a little above the water.
MASTS = ((-0.24, -1.0), (0.2, -1.22))
"""Of each mast: its x, and y of its top."""
BOWSPRIT = ((0.5, -0.1), (0.84, -0.36))
SAILS = (
    (-0.24, -0.16, -0.54, 0.25),
    (-0.24, -0.58, -0.9, 0.19),
    (0.2, -0.16, -0.62, 0.3),
    (0.2, -0.66, -1.08, 0.22),
)
"""Of each square sail: x of its mast, y of its foot and head, half its width."""
JIB: Outline = ((0.3, -0.24), (0.8, -0.34), (0.24, -0.98))
HULL: Outline = (
    (-0.66, -0.2), (-0.5, -0.1), (0.46, -0.1), (0.7, -0.18), (0.56, 0.06), (0.46, 0.16),
    (-0.44, 0.16), (-0.58, 0.04),
)  # fmt: skip
TRIM: Outline = ((-0.62, -0.12), (0.62, -0.1), (0.6, -0.04), (-0.6, -0.05))
REFLECTION: Outline = ((-0.6, 0.12), (0.62, 0.12), (0.36, 0.55), (-0.36, 0.5))
WOOD, CLOTH, CLOTH_SHADE = colour("#6e3d22"), colour("#fbf4e2"), colour("#7f86a8")
DEEP = colour("#06121f")


def ship(setting: Setting) -> None:
    """A ship of two masts on the water, and its reflection; more of it is larger."""
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    x, y = rng.uniform(0.33, 0.67), setting.horizon + rng.uniform(0.06, 0.12)
    frame = Frame(canvas, x, y, 0.2 + 0.09 * setting.amount("ship"), setting.way())
    wood = mood.lit(jitter(rng, WOOD))
    cloth = mix(mood.lit(CLOTH), mood.rim, 0.25)
    canvas.lay(frame.mask(REFLECTION, blur=0.012) * 0.55, mix(wood, DEEP, 0.5))
    masts = canvas.shapes()
    for mast, top in MASTS:
        masts.line(frame.place([(mast, 0), (mast, top)]), 0.03 * frame.scale + 0.004)
    masts.line(frame.place(BOWSPRIT), 0.03 * frame.scale + 0.003)
    canvas.lay(masts.mask(), mix(wood, BLACK, 0.2))
    frame.lay(cloth, *(_sail(*sail) for sail in SAILS), JIB)
    shade = mix(cloth, mood.lit(CLOTH_SHADE), 0.4)
    frame.lay(shade, *(_shaded_part(*sail) for sail in SAILS))
    frame.lay(wood, HULL)
    frame.lay(mix(wood, mood.rim, 0.45), TRIM)


def _sail(mast: float, foot: float, head: float, half: float) -> list[Point]:
    """A square sail, filled by a wind from the left."""
    return [
        *_luff(mast, foot, head, half),
        (mast + half * 0.8, head),
        (mast + half * 1.25, (foot + head) / 2),
        (mast + half, foot),
    ]


def _shaded_part(mast: float, foot: float, head: float, half: float) -> list[Point]:
    """The left of it."""
    return [*_luff(mast, foot, head, half), (mast - half * 0.3, head), (mast - half * 0.2, foot)]


def _luff(mast: float, foot: float, head: float, half: float) -> list[Point]:
    """A sail's left edge, from its foot up."""
    middle = (mast - half * 0.72, (foot + head) / 2)
    return [(mast - half, foot), middle, (mast - half * 0.8, head)]
