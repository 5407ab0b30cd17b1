"""Does the miniature paint what it is told? `python -m generation.miniature.evaluate`.

Paints some two thousand pictures through the service's own pipeline, asks the judge what they
show, and prints a table. Says first how long it will take. Ends with 1 where a
goal of any group asked for is missed.
"""

import argparse
import fnmatch
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from generation.miniature.evaluation.checks import Check, Shown, all_checks, features_of
from generation.miniature.evaluation.references import (
    GROUPS,
    ROUNDS,
    paint_references,
    reference_name,
)
from generation.miniature.evaluation.report import summary, table
from generation.miniature.evaluation.studio import LIMITS, TIMES, Order, Studio
from generation.miniature.judge import PATH, Judge
from generation.spec.profiles import MINIATURE

SEEDS, STEPS = 10, 20  # users get 30 steps, with which this would take half an hour
FIRST_SEED = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks asked for; 0 where the goals are met."""
    options = _parser().parse_args(arguments)
    judge = Judge.load(options.judge)
    references = paint_references()
    features = {}
    for kind, names in GROUPS.items():
        for name in (reference_name(each, number) for each in names for number in range(ROUNDS)):
            (features[name],) = features_of(judge.judge([references[name]]), kind)
    checks = [
        check
        for check in all_checks(options.seeds, features)
        if fnmatch.fnmatch(f"{check.group}/{check.name}", options.rows)
    ]
    if not checks:
        print(f"No row is called {options.rows}.", file=sys.stderr)
        return 2
    studio = Studio(options.folder, references)
    orders, seconds = needed(checks), studio.seconds_alone()
    print(estimate(sum(orders.values()), options.steps, seconds), flush=True)
    shown = paint_all(studio, judge, orders, options.steps)
    if options.strips:
        save_strips(shown, options.strips)
    rows = [
        (check, check.decide([cut(shown[order], check.seeds) for order in check.orders]))
        for check in checks
    ]
    lines, is_met = summary(rows)
    lines += how_measured(sum(orders.values()), options.steps, seconds)
    print(table(rows, is_markdown=False), *lines, sep="\n")
    if options.out:
        text = "\n".join([table(rows, is_markdown=True), "", *(f"- {line}" for line in lines), ""])
        options.out.write_text(text, encoding="utf-8")
    return 0 if is_met else 1


def estimate(count: int, steps: int, seconds: float) -> str:
    """How long painting will take, where a picture of the default steps takes these seconds."""
    minutes = count * seconds * steps / LIMITS.default_steps / 60
    return f"{count} pictures of {steps} steps: about {minutes:.0f} minutes"


def how_measured(count: int, steps: int, seconds: float) -> list[str]:
    """The table's foot: how the pictures were painted, and what one takes for a user."""
    return [
        f"measured on {count} pictures of {steps} steps at guidance"
        f" {LIMITS.default_guidance_scale} where the row has no other, seeds from {FIRST_SEED};"
        f" users get {LIMITS.default_steps} steps at {LIMITS.default_guidance_scale}",
        f"{seconds:.2f} seconds for one picture alone at {LIMITS.default_steps} steps"
        f" (median of {TIMES} after a warm-up)",
    ]


def needed(checks: Iterable[Check]) -> dict[Order, int]:
    """Each order once, with the most seeds that any check asks of it."""
    seeds: dict[Order, int] = {}
    for check in checks:
        for order in check.orders:
            seeds[order] = max(check.seeds, seeds.get(order, 0))
    return seeds


def paint_all(
    studio: Studio, judge: Judge, orders: Mapping[Order, int], steps: int
) -> dict[Order, Shown]:
    """Paint and judge every order; a bar tells how long it will still take."""
    shown = {}
    with tqdm(total=sum(orders.values()), unit="picture", desc="painting") as bar:
        for order, count in orders.items():
            first = FIRST_SEED + order.first
            pictures = studio.paint(order, range(first, first + count), steps)
            shown[order] = Shown(pictures=pictures, verdict=judge.judge(pictures))
            bar.update(count)
    return shown


def cut(shown: Shown, count: int) -> Shown:
    """The first pictures of an order that another check wanted more of."""
    verdict = shown.verdict
    kept = type(verdict)(presence=verdict.presence[:count], amounts=verdict.amounts[:count])
    return Shown(pictures=shown.pictures[:count], verdict=kept)


def save_strips(shown: Mapping[Order, Shown], folder: Path) -> None:
    """Every order's pictures side by side, in a file named by its place and its words."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (order, one) in enumerate(shown.items()):
        width, height = one.pictures[0].size
        strip = Image.new("RGB", (width * len(one.pictures), height))
        for index, picture in enumerate(one.pictures):
            strip.paste(picture, (index * width, 0))
        words = re.sub(r"\W+", "-", f"{order.prompt[-60:]} {order.negative} {order.reference}")
        strip.save(folder / f"{number:03}-{words.strip('-')}.jpg")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="pictures of every concept row")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--rows", default="*", help='such as "weight/*" or "*/dragon"')
    parser.add_argument("--folder", type=Path, default=MINIATURE.folder, help="the weights")
    parser.add_argument("--judge", type=Path, default=PATH, help="the judge's file")
    parser.add_argument("--out", type=Path, help="write the table in Markdown")
    parser.add_argument("--strips", type=Path, help="a folder for the pictures")
    return parser


if __name__ == "__main__":
    sys.exit(main())
