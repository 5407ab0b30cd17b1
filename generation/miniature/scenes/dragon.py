"""The dragon."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from generation.miniature.scenes.brush import Frame, Outline, Point, colour, jitter, mix
from generation.miniature.scenes.setting import Setting

# All outlines look to the right; y points downwards, the chest is about at (0.1, 0).
BODY: Outline = (
    (-1.0, 0.3), (-0.84, 0.16), (-0.62, 0.2), (-0.4, 0.26), (-0.16, 0.16), (0.1, 0.04),
    (0.34, -0.02), (0.52, -0.18), (0.66, -0.3), (0.8, -0.27),
)  # fmt: skip
GIRTH = (0.01, 0.03, 0.05, 0.07, 0.12, 0.15, 0.12, 0.075, 0.06, 0.05)
"""The body's middle line from the tail to the head, and how thick it is at each point."""
HEAD: Outline = (
    (0.72, -0.36), (0.66, -0.46), (0.8, -0.4), (0.92, -0.36), (1.04, -0.26), (1.02, -0.22),
    (0.86, -0.22), (0.98, -0.14), (0.84, -0.16), (0.74, -0.2),
)  # fmt: skip
TAIL_TIP: Outline = ((-1.0, 0.3), (-1.16, 0.26), (-1.1, 0.36), (-1.14, 0.46), (-0.96, 0.36))
FORELEG: Outline = ((0.16, 0.08), (0.24, 0.3), (0.34, 0.34), (0.3, 0.06))
HINDLEG: Outline = ((-0.12, 0.14), (-0.2, 0.4), (-0.08, 0.42), (0.02, 0.12))
NEAR_WING: Outline = (
    (0.2, 0.0), (0.1, -0.42), (-0.06, -0.86), (-0.3, -0.62), (-0.4, -0.4), (-0.56, -0.42),
    (-0.74, -0.36), (-0.6, -0.16), (-0.5, -0.02), (-0.34, -0.06), (-0.16, 0.12),
)  # fmt: skip
SHOULDER, FINGERS = (0.18, 0.0), ((-0.06, -0.86), (-0.4, -0.4), (-0.5, -0.02))
"""Where the near wing's bones begin, and where they end."""
FAR_WING: Outline = (
    (0.18, 0.0), (0.3, -0.4), (0.52, -0.82), (0.62, -0.5), (0.66, -0.3), (0.6, -0.24),
    (0.5, -0.1), (0.4, -0.06), (0.3, 0.06),
)  # fmt: skip
FLAME: Outline = (
    (1.02, -0.2), (1.3, -0.26), (1.26, -0.16), (1.5, -0.1), (1.24, -0.06), (1.28, 0.04),
)  # fmt: skip
SKIN, SHADOW, MEMBRANE = colour("#a81f22"), colour("#16060c"), colour("#ff6a3a")
FIRE, FIRE_GLOW = colour("#ffc23c"), colour("#ff8a2a")
FIERCE = 0.85
"""From more than this amount on, it breathes fire."""


def dragon(setting: Setting) -> None:
    """A red dragon in flight, seen from the side; more of it is larger and breathes fire."""
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    amount = setting.amount("dragon")
    x, y = rng.uniform(0.4, 0.6), rng.uniform(0.24, 0.34)
    way, tilt = setting.way(), rng.uniform(-0.14, 0.14)
    frame = Frame(canvas, x, y, 0.2 + 0.1 * amount, way, tilt)
    body = mood.bright(jitter(rng, SKIN, 0.04), 0.55 if mood.name == "night" else 0.25)
    dark = mix(body, SHADOW, 0.45)
    if amount > FIERCE:
        canvas.shine(frame.mask(FLAME, blur=0.025), FIRE_GLOW)
        canvas.lay(frame.mask(FLAME, blur=0.004), FIRE)
    frame.lay(dark, FAR_WING)
    frame.lay(body, ribbon(BODY, GIRTH), TAIL_TIP, HEAD, FORELEG, HINDLEG)
    frame.lay(mix(body, MEMBRANE, 0.22), NEAR_WING)
    bones = canvas.shapes()
    for finger in FINGERS:
        bones.line(frame.place([SHOULDER, finger]), 0.03 * frame.scale)
    canvas.lay(bones.mask() * 0.8, dark)


def ribbon(middle: Outline, girth: Sequence[float]) -> list[Point]:
    """The outline of a smooth line of changing thickness; girth: at each of its points."""
    knots = np.array(middle)
    steps = np.linspace(0, len(knots) - 1, 6 * len(knots))
    index = np.arange(len(knots))
    line = np.stack([_smooth(steps, knots[:, axis]) for axis in (0, 1)], axis=1)
    half = np.interp(steps, index, girth)[:, None] / 2
    along = np.gradient(line, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    outline = np.concatenate([line + normal * half, (line - normal * half)[::-1]])
    return [(x, y) for x, y in outline.tolist()]


def _smooth(steps: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Catmull-Rom spline through the values, at fractional indices of theirs."""
    padded = np.concatenate([[2 * values[0] - values[1]], values, [2 * values[-1] - values[-2]]])
    start = np.clip(steps.astype(int), 0, len(values) - 2)
    t = steps - start
    p0, p1, p2, p3 = (padded[start + offset] for offset in range(4))
    return 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )  # fmt: skip
