"""References for the adapter: painted scenes of one look each, of numbers no trainer draws."""

from collections.abc import Mapping

from PIL import Image

from generation.miniature.scenes.painter import paint
from generation.miniature.scenes.scene import Scene, draw_scene
from generation.spec.world import LIGHTS, PALETTES, STYLES

FIRST_NUMBER = 10_000_000
GROUPS: Mapping[str, tuple[str, ...]] = {"light": LIGHTS, "palette": PALETTES, "style": STYLES}
ROUNDS = 2
"""References of every look."""


def reference_name(look: str, number: int) -> str:
    """What an order calls it by."""
    return f"{look} {number}"


def paint_references() -> dict[str, Image.Image]:
    """ROUNDS pictures of every light, palette and style, by reference_name.

    Those of a palette or a style are lit by day, those of a light or a palette have no style.
    """
    wanted = {look: ROUNDS for looks in GROUPS.values() for look in looks}
    found: dict[str, Image.Image] = {}
    number = FIRST_NUMBER
    while any(wanted.values()):
        scene = draw_scene(number)
        number += 1
        look = _look_of(scene)
        if wanted.get(look or ""):
            wanted[look] -= 1
            found[reference_name(look, wanted[look])] = Image.fromarray(paint(scene))
    return found


def _look_of(scene: Scene) -> str | None:
    """The one thing that is special about its look."""
    if scene.is_blurred or min(scene.strength, scene.palette_amount) < 1:
        return None
    if scene.palette and scene.style:
        return None
    if scene.palette or scene.style:
        return (scene.palette or scene.style) if scene.light == "day" else None
    return scene.light
