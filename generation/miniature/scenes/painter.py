"""From a scene to a picture: the sky, the place, what stands and flies there, and the look."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from generation.miniature.scenes import looks
from generation.miniature.scenes.brush import BLACK, Canvas
from generation.miniature.scenes.castle import castle
from generation.miniature.scenes.city import city
from generation.miniature.scenes.dragon import dragon
from generation.miniature.scenes.dunes import desert
from generation.miniature.scenes.elves import elves
from generation.miniature.scenes.flyers import balloons, birds
from generation.miniature.scenes.islands import islands
from generation.miniature.scenes.lighthouse import lighthouse
from generation.miniature.scenes.meadow import meadow
from generation.miniature.scenes.moods import Mood, mood_of
from generation.miniature.scenes.mountains import mountains
from generation.miniature.scenes.scene import Scene
from generation.miniature.scenes.setting import KNOWN_FORMS, Painter, Setting, paint_things
from generation.miniature.scenes.ship import ship
from generation.miniature.scenes.sky import fog, sky
from generation.miniature.scenes.waters import lake, sea, waterfall
from generation.miniature.scenes.woods import forest

HORIZON: Mapping[str, float] = {
    "mountains": 0.7, "city": 0.76, "forest": 0.62, "sea": 0.58, "castle": 0.74, "desert": 0.62,
    "elves": 0.78, "meadow": 0.52,
}  # fmt: skip
"""How far down each place's horizon lies, about."""
HORIZONS, LIGHT_PLACES = (-0.03, 0.0, 0.03), (0.2, 0.29, 0.38, 0.47, 0.56, 0.65, 0.74, 0.82)
"""How much lower it may lie, and where (x) sun or moon may stand."""
Builder = Callable[[Canvas, Mood, Generator, Mapping[str, float]], None]
BUILDINGS: Mapping[str, Builder] = {"castle": castle, "city": city}
LANDS: Mapping[str, Painter] = {
    "mountains": mountains, "forest": forest, "sea": sea, "desert": desert, "elves": elves,
    "meadow": meadow,
}  # fmt: skip
BEHIND: Mapping[str, Painter] = {"islands": islands}
BEFORE: Mapping[str, Painter] = {
    "waterfall": waterfall, "lighthouse": lighthouse, "ship": ship, "fog": fog, "lake": lake,
    "birds": birds, "balloon": balloons, "dragon": dragon,
}  # fmt: skip
"""What is painted before the place, the farthest first; the lake mirrors what is there by then."""


def paint(scene: Scene, forms: range = KNOWN_FORMS) -> NDArray[np.uint8]:
    """The picture of a scene, [height, width, 3] sRGB; the same for the same scene.

    forms: numbers of the forms that its parts may have; others than the known ones are unseen.
    """
    lots = np.random.default_rng(scene.seed)
    canvas = Canvas(scene.width, scene.height)
    setting = Setting(
        canvas=canvas,
        mood=mood_of(scene, lots),
        lots=lots,
        rng=lots,
        amounts=scene.things,
        horizon=HORIZON[scene.place] + float(lots.choice(HORIZONS)),
        light_x=float(lots.choice(LIGHT_PLACES)),
        forms=forms,
    )
    sky(setting)
    paint_things(setting, BEHIND)
    place = setting.part(scene.place)
    if scene.place in BUILDINGS:
        BUILDINGS[scene.place](canvas, place.mood, place.rng, scene.things)
    else:
        LANDS[scene.place](place)
    paint_things(setting, BEFORE)
    _vignette(canvas)
    dressed = looks.dress(np.clip(canvas.pixels, 0, 1), scene, lots)
    return (np.clip(dressed, 0, 1) * 255 + 0.5).astype(np.uint8)


def _vignette(canvas: Canvas) -> None:
    """Corners a little darker than the middle."""
    corners = ((canvas.x - 0.5) ** 2 + (canvas.y - 0.5) ** 2) * 2
    canvas.lay(corners**1.6 * 0.22, BLACK)
