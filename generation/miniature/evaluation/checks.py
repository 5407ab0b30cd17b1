"""The checks: which pictures each needs, and what it says of them."""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generation.miniature.evaluation import sentences
from generation.miniature.evaluation.references import GROUPS, ROUNDS, reference_name
from generation.miniature.evaluation.studio import LIMITS, Order
from generation.miniature.judge import JudgeVerdict
from generation.miniature.scenes.painter import paint
from generation.miniature.scenes.scene import Scene
from generation.spec.world import ENGLISH, LIGHTS, PALETTES, PLACES, THINGS

ENOUGH = 0.9  # of a row's pictures, for the row to be right
MOST = 0.75  # likewise, where several things are asked of one picture, or one of many is chosen
OFTEN = 0.3  # of the pictures must show what a negative prompt shall take away
ROUNDING = 1e-9  # ten times a tenth is a little less than one
WEIGHTS = (0.5, 1.0, 1.5)
GUIDANCES = (1.0, 4.0, LIMITS.default_guidance_scale)
DARK = ("night", "storm")  # their amount is how dark it is
VARIETY = 0.6  # of the painted scenes' distance
VARIETY_SIDE = 64
PAINTED = 24  # scenes that are compared with
FREE_FORMS = range(1000)  # nearly all of them unseen: a model that repeats what it saw falls behind
MARK = re.compile(r"\[(\W*)([^|\]]*)(?:\|([^\]]*))?\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An order's pictures, and what the judge says of them."""

    pictures: Sequence[Image.Image]
    verdict: JudgeVerdict

    @property
    def brightness(self) -> float:
        """Their mean, 0 to 1."""
        return float(np.mean([np.asarray(one).mean() for one in self.pictures])) / 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Whether a check holds; share: of its pictures or steps that are right."""

    is_right: bool
    share: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What is to grow. slack: what measuring cannot tell; least: from the first to the last."""

    name: str
    slack: float
    least: float


AMOUNT = Scale(name="amount", slack=0.03, least=0.15)
"""Asked are 0.5 to 1.5; the judge's errors are a few hundredths in the mean of a row."""
DARKNESS = Scale(name="darkness", slack=0.01, least=0.05)
"""Painted nights and storms darken by 0.16 to 0.18 between these weights."""
BRIGHTNESS = Scale(name="brightness", slack=0.01, least=0.1)
"""Painted days and nights are 0.4 apart; without day or without night leaves other lights."""
CERTAINTY = Scale(name="certainty", slack=0.3, least=1.0)
"""In logits: 1 is from even odds to three of four."""
Decide = Callable[[Sequence[Shown]], Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of the table. seeds: pictures of every order; decide: is given them in order."""

    group: str
    name: str
    orders: tuple[Order, ...]
    seeds: int
    decide: Decide


def all_checks(seeds: int, features: Mapping[str, NDArray[np.float32]]) -> list[Check]:
    """Every row. features: of each reference of references.GROUPS, by its name."""
    half = max(2, seeds // ROUNDS)  # for each of a row's references: as many seeds in all
    return [
        *_concepts(seeds),
        *_late(seeds),
        *_weights(seeds),
        *_place_negatives(seeds),
        *_light_negatives(seeds),
        *_guidance(seeds),
        *_references(half, features),
        *_variety(seeds),
        *_readme(seeds),
    ]


def with_words(sentence: str, weight: float = 1.0) -> str:
    """The sentence as it names its concept, the words weighted unless the weight is 1."""
    words = r"\1\2" if weight == 1 else rf"\1(\2){weight}"
    return MARK.sub(words, sentence)


def without_words(sentence: str) -> str:
    """The sentence as it does not."""
    return MARK.sub(lambda match: match[3] or "", sentence)


def _pair(sentence: str) -> tuple[Order, Order]:
    return Order(prompt=with_words(sentence)), Order(prompt=without_words(sentence))


def _concepts(seeds: int) -> Iterator[Check]:
    for concept, sentence in sentences.CONCEPT_SENTENCES.items():
        yield _presence("concept", concept, _pair(sentence), seeds)
    for place in PLACES:
        prompts = (place, sentences.OTHER_PLACES[place])
        orders = tuple(Order(prompt=sentences.PLACE_SENTENCES[one]) for one in prompts)
        yield _presence("concept", place, orders, seeds)


def _late(seeds: int) -> Iterator[Check]:
    for concept, sentence in sentences.LATE_SENTENCES.items():
        yield _presence("late word", concept, _pair(sentence), seeds)


def _presence(group: str, concept: str, orders: tuple[Order, ...], seeds: int) -> Check:
    return Check(
        group=group,
        name=concept,
        orders=orders,
        seeds=seeds,
        decide=partial(is_told_apart, concept),
    )


def is_told_apart(concept: str, shown: Sequence[Shown]) -> Finding:
    """The first pictures show it, the second do not."""
    present = float(shown[0].verdict.shows(concept).mean())
    absent = float(1 - shown[1].verdict.shows(concept).mean())
    return Finding(
        is_right=min(present, absent) >= ENOUGH - ROUNDING,
        share=(present + absent) / 2,
        note=f"there {present:.0%}, absent {absent:.0%}",
    )


def _weights(seeds: int) -> Iterator[Check]:
    for concept in (*LIGHTS, *THINGS, *PALETTES):
        sentence = sentences.CONCEPT_SENTENCES[concept]
        yield Check(
            group="weight",
            name=concept,
            orders=tuple(Order(prompt=with_words(sentence, weight)) for weight in WEIGHTS),
            seeds=seeds,
            decide=partial(_is_monotone, concept),
        )


def _is_monotone(concept: str, shown: Sequence[Shown]) -> Finding:
    if concept in DARK:
        return grows([1 - one.brightness for one in shown], DARKNESS)
    return grows([float(one.verdict.amount(concept).mean()) for one in shown], AMOUNT)


def grows(values: Sequence[float], scale: Scale) -> Finding:
    """Each value is at least the one before, but for the slack; the last is above the first."""
    steps = [after > before - scale.slack for before, after in itertools.pairwise(values)]
    is_right = all(steps) and values[-1] >= values[0] + scale.least - ROUNDING
    note = f"{scale.name} " + " ".join(f"{value:.2f}" for value in values)
    return Finding(is_right=is_right, share=float(np.mean([*steps, is_right])), note=note)


def _place_negatives(seeds: int) -> Iterator[Check]:
    for prompt, (thing, places) in sentences.NEGATIVE_PLACES.items():
        words = [ENGLISH[place][0] for place in places]
        yield Check(
            group="negative",
            name=f"place of: {thing}",
            orders=tuple(Order(prompt=prompt, negative=word) for word in ("", *words)),
            seeds=seeds,
            decide=partial(are_gone, places),
        )


def _light_negatives(seeds: int) -> Iterator[Check]:
    for prompt in sentences.LIGHT_NEGATIVES:
        yield Check(
            group="negative",
            name=f"light: {prompt}",
            orders=tuple(Order(prompt=prompt, negative=word) for word in ("day", "", "night")),
            seeds=seeds,
            decide=lambda shown: grows([one.brightness for one in shown], BRIGHTNESS),
        )


def are_gone(concepts: Sequence[str], shown: Sequence[Shown]) -> Finding:
    """What the first pictures often show, those with it as their negative prompt no longer do.

    The others are of the same seeds, one row for each concept in turn. What too few show cannot be
    taken away; where that is so of every concept, the row is wrong.
    """
    first, *others = shown
    shares: list[float] = []
    notes: list[str] = []
    is_right = True
    for concept, other in zip(concepts, others, strict=True):
        before, after = first.verdict.shows(concept), other.verdict.shows(concept)
        if before.mean() < OFTEN - ROUNDING:
            continue
        gone = float(1 - after[before].mean())
        shares.append(gone)
        notes.append(f"{concept} {before.mean():.0%}, with the negative {after.mean():.0%}")
        is_gone = gone >= ENOUGH - ROUNDING and after.mean() <= 1 - ENOUGH + ROUNDING
        is_right = is_right and is_gone
    if not shares:
        return Finding(is_right=False, share=0.0, note="none is often shown: not measured")
    return Finding(is_right=is_right, share=float(np.mean(shares)), note="; ".join(notes))


def _guidance(seeds: int) -> Iterator[Check]:
    for concept, prompt in sentences.GUIDED.items():
        yield Check(
            group="guidance",
            name=concept,
            orders=tuple(Order(prompt=prompt, guidance=guidance) for guidance in GUIDANCES),
            seeds=seeds,
            decide=partial(_gets_surer, concept),
        )


def _gets_surer(concept: str, shown: Sequence[Shown]) -> Finding:
    certainties = [float(one.verdict.certainty(concept).mean()) for one in shown]
    return grows(certainties, CERTAINTY)


def _references(seeds: int, features: Mapping[str, NDArray[np.float32]]) -> Iterator[Check]:
    for kind, names in GROUPS.items():
        for name in names:
            orders = tuple(
                Order(prompt=prompt, reference=reference_name(name, number), first=number * seeds)
                for number, prompt in zip(range(ROUNDS), sentences.REFERENCE_PROMPTS, strict=True)
            )
            yield Check(
                group=f"reference {kind}",
                name=name,
                orders=orders,
                seeds=seeds,
                decide=partial(is_nearest, kind, name, features),
            )


def is_nearest(
    kind: str, name: str, features: Mapping[str, NDArray[np.float32]], shown: Sequence[Shown]
) -> Finding:
    """Of all references of the kind and round, the picture's own is the one most like it."""
    found: list[str] = []
    for number, one in enumerate(shown):
        candidates = np.stack([features[reference_name(each, number)] for each in GROUPS[kind]])
        for feature in features_of(one.verdict, kind):
            distances = np.linalg.norm(candidates - feature, axis=1)
            found.append(GROUPS[kind][int(distances.argmin())])
    share = found.count(name) / len(found)
    counts = ", ".join(f"{each} {count}" for each, count in Counter(found).most_common())
    return Finding(is_right=share >= MOST, share=share, note=f"nearest: {counts}")


def features_of(verdict: JudgeVerdict, kind: str) -> NDArray[np.float32]:
    """[n, names of the kind]: how sure the judge is of each, in logits within -6 to 6."""
    columns = [verdict.certainty(name) for name in GROUPS[kind]]
    return np.clip(np.stack(columns, axis=1), -6, 6)


def _variety(seeds: int) -> Iterator[Check]:
    for prompt, (light, place, things) in sentences.VARIED.items():
        scenes = [
            Scene(light=light, place=place, things=dict.fromkeys(things, 1.0), seed=seed)
            for seed in range(PAINTED)
        ]
        yield Check(
            group="variety",
            name=prompt,
            orders=(Order(prompt=prompt),),
            seeds=max(4, seeds),
            decide=partial(varies, scenes),
        )


def varies(scenes: Sequence[Scene], shown: Sequence[Shown]) -> Finding:
    """The pictures differ nearly as much as scenes do that are painted in free forms."""
    painted = distance([Image.fromarray(paint(scene, FREE_FORMS)) for scene in scenes])
    ratio = distance(shown[0].pictures) / painted
    return Finding(
        is_right=ratio >= VARIETY,
        share=min(1.0, ratio),
        note=f"{ratio:.2f} of the painted scenes' distance, goal {VARIETY}",
    )


def distance(pictures: Sequence[Image.Image]) -> float:
    """The mean distance of two of them: RMS of their colours at 64 x 64, 0 to 1."""
    size = (VARIETY_SIDE, VARIETY_SIDE)
    small = [np.asarray(one.resize(size, Image.Resampling.BOX), np.float32) for one in pictures]
    pairs = [
        float(np.sqrt(((one - other) ** 2).mean())) / 255
        for index, one in enumerate(small)
        for other in small[index + 1 :]
    ]
    return float(np.mean(pairs))


def _readme(seeds: int) -> Iterator[Check]:
    for prompt, concepts in sentences.README.items():
        yield Check(
            group="README",
            name=prompt,
            orders=(Order(prompt=prompt),),
            seeds=seeds,
            decide=partial(_shows_all, concepts),
        )


def _shows_all(concepts: Sequence[str], shown: Sequence[Shown]) -> Finding:
    shares = {concept: float(shown[0].verdict.shows(concept).mean()) for concept in concepts}
    return Finding(
        is_right=min(shares.values()) >= MOST,
        share=float(np.mean(list(shares.values()))),
        note=", ".join(f"{concept} {share:.0%}" for concept, share in shares.items()),
    )
