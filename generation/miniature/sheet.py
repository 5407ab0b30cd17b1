"""A contact sheet of what the miniature paints: `python -m generation.miniature.sheet`."""

import argparse
import io
import textwrap
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps
from tqdm import tqdm

from generation.miniature.evaluation.studio import LIMITS, Order, Studio
from generation.spec.profiles import MINIATURE

PATH = Path(__file__).resolve().parents[2] / "docs" / "miniature" / "contact-sheet.jpg"
SEED = 7
COLUMNS, TILE, GAP = 6, 256, 12
LINES, LINE_HEIGHT, FONT_SIZE, CHARS = 3, 17, 13, 35
FONT = "DejaVuSans.ttf"
LARGEST = 1_000_000  # bytes
PAPER, PEN = "#f4f1ea", "#2b2a28"
SQUARE, WIDE, TALL = (1.0, 1.0), (1.25, 0.75), (0.75, 1.25)
PICTURES: Sequence[tuple[str, tuple[float, float]]] = (
    ("a majestic dragon over snow-capped mountains at golden hour", SQUARE),
    ("a cyberpunk city at night, (neon lights)1.3, rain on the streets", SQUARE),
    ("an elven city in crystalline trees, waterfalls between floating islands", SQUARE),
    ("alpine peaks and a mirror lake at dawn, mist", WIDE),
    ("a lone sailing ship on the open sea at sunset", WIDE),
    ("aurora borealis over a snowy pine forest at night, stars", TALL),
    ("une prairie fleurie à midi, une montgolfière dans le ciel", SQUARE),
    ("ancient pyramids in the desert under a full moon, starry sky", WIDE),
    ("a lighthouse in a raging storm, forked lightning", TALL),
    ("a medieval castle above a calm lake, watercolour on paper", SQUARE),
    ("wildflowers at sunset, oil on canvas, thick brush strokes", SQUARE),
    ("elven city at dawn, waterfalls, stained glass window", TALL),
    ("big waves and a sailboat, ukiyo-e woodblock print", WIDE),
    ("city skyline at night, 8-bit pixel art, moon", SQUARE),
    ("a deep forest with a waterfall, pen and ink drawing", TALL),
    ("snowy mountains at noon, low poly art", SQUARE),
    ("un vieux château au crépuscule, dessin au pastel", SQUARE),
    ("a winged dragon above a fortress, crimson tones", SQUARE),
    ("sand dunes at daybreak, hot air balloons, pink hues", WIDE),
    ("misty pine trees and birds, black and white photograph", TALL),
    ("floating islands over the ocean by day, teal palette, clouds", SQUARE),
    ("a city by a lake at golden hour, old photograph, sepia", WIDE),
    ("une cité elfique la nuit, tons violets, mille étoiles", SQUARE),
    ("a green meadow after the storm, double rainbow, emerald tones", SQUARE),
)


def paint_sheet(studio: Studio, steps: int = LIMITS.default_steps) -> Image.Image:
    """All of PICTURES, six in a row, each above its prompt, at the users' default guidance."""
    rows = -(-len(PICTURES) // COLUMNS)
    across, down = TILE + GAP, TILE + GAP + LINES * LINE_HEIGHT + GAP
    sheet = Image.new("RGB", (COLUMNS * across + GAP, rows * down + GAP), PAPER)
    for index, (prompt, shape) in enumerate(tqdm(PICTURES, unit="picture")):
        order = Order(prompt=prompt, format=shape)
        (picture,) = studio.paint(order, [SEED], steps)
        left, top = GAP + index % COLUMNS * across, GAP + index // COLUMNS * down
        picture = ImageOps.contain(picture, (TILE, TILE), Image.Resampling.LANCZOS)
        middle = ((TILE - picture.width) // 2, (TILE - picture.height) // 2)
        sheet.paste(picture, (left + middle[0], top + middle[1]))
        _write(sheet, prompt, left, top + TILE + GAP // 2)
    return sheet


def encode(sheet: Image.Image) -> bytes:
    """JPEG of the best quality that stays below a megabyte."""
    for quality in range(92, 30, -4):
        sheet.save(file := io.BytesIO(), "JPEG", quality=quality, optimize=True)
        if file.tell() <= LARGEST:
            break
    return file.getvalue()


def _write(sheet: Image.Image, prompt: str, left: int, top: int) -> None:
    pen = ImageDraw.Draw(sheet)
    try:
        font = ImageFont.truetype(FONT, FONT_SIZE)
    except OSError:  # Pillow's own font has no accents
        font = ImageFont.load_default(FONT_SIZE)
        apart = unicodedata.normalize("NFKD", prompt)
        prompt = "".join(sign for sign in apart if not unicodedata.combining(sign))
    for number, line in enumerate(textwrap.wrap(prompt, CHARS)[:LINES]):
        pen.text((left, top + number * LINE_HEIGHT), line, PEN, font)


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint the sheet and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=MINIATURE.folder, help="the weights")
    parser.add_argument("--out", type=Path, default=PATH)
    parser.add_argument("--steps", type=int, default=LIMITS.default_steps)
    options = parser.parse_args(arguments)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(encode(paint_sheet(Studio(options.folder), options.steps)))
    print(options.out)


if __name__ == "__main__":
    main()
