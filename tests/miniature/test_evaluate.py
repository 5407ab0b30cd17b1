"""The evaluation asks what it means to ask, and its arithmetic is right."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from generation.miniature import judge as judging
from generation.miniature.evaluate import cut, estimate, needed
from generation.miniature.evaluation import sentences
from generation.miniature.evaluation.checks import (
    AMOUNT,
    FREE_FORMS,
    PAINTED,
    Check,
    Finding,
    Shown,
    all_checks,
    are_gone,
    distance,
    grows,
    is_nearest,
    is_told_apart,
    varies,
    with_words,
    without_words,
)
from generation.miniature.evaluation.references import GROUPS, reference_name
from generation.miniature.evaluation.report import WIDEST, summary, table
from generation.miniature.evaluation.studio import LIMITS, Order
from generation.miniature.judge import Judge, JudgeNet, JudgeVerdict
from generation.miniature.scenes.painter import paint
from generation.miniature.scenes.scene import ODDS, Scene
from generation.miniature.scenes.setting import KNOWN_FORMS
from generation.spec.profiles import MINIATURE
from generation.spec.world import CONCEPTS, LIGHTS, STYLES, concepts_of

PAIRS = [*sentences.CONCEPT_SENTENCES.items(), *sentences.LATE_SENTENCES.items()]


def shown(concept: str, presence: list[float]) -> Shown:
    table = np.zeros((len(presence), len(CONCEPTS)), np.float32)
    table[:, CONCEPTS.index(concept)] = presence
    pictures = [Image.new("RGB", (8, 8))] * len(presence)
    return Shown(pictures=pictures, verdict=JudgeVerdict(presence=table, amounts=table))


def finding(*, is_right: bool, share: float) -> Finding:
    return Finding(is_right=is_right, share=share, note="")


@pytest.mark.parametrize(("concept", "sentence"), PAIRS)
def test_a_pair_of_sentences_differs_in_its_concept_alone(concept: str, sentence: str) -> None:
    named, unnamed = concepts_of(with_words(sentence)), concepts_of(without_words(sentence))

    assert named - unnamed == {concept}
    assert concept not in unnamed


@pytest.mark.parametrize(("place", "sentence"), sentences.PLACE_SENTENCES.items())
def test_a_place_is_the_only_one_of_its_sentence(place: str, sentence: str) -> None:
    assert concepts_of(sentence) == {place, "sunset"}


def test_every_concept_has_its_row() -> None:
    assert {*sentences.CONCEPT_SENTENCES, *sentences.PLACE_SENTENCES} == set(CONCEPTS)


def test_late_words_stand_beyond_the_hundredth_token() -> None:
    assert len(sentences.FILLER.split()) > 100  # a word is a token at least
    assert not concepts_of(sentences.FILLER)


@pytest.mark.parametrize(("prompt", "asked"), sentences.NEGATIVE_PLACES.items())
def test_what_a_negative_takes_away_is_painted_there_and_was_not_asked_for(
    prompt: str, asked: tuple[str, tuple[str, ...]]
) -> None:
    thing, places = asked

    assert concepts_of(prompt) - set(LIGHTS) == {thing}
    assert set(places) == set(ODDS[thing])


def test_a_negative_is_measured_only_where_the_thing_is_seen_without_it() -> None:
    half, few, none = [0.9] * 5 + [0.1] * 5, [0.9] * 2 + [0.1] * 8, [0.1] * 10
    others = [0.1] * 5 + [0.9] * 5

    def gone(*presences: list[float]) -> Finding:
        return are_gone(["moon"] * (len(presences) - 1), [shown("moon", one) for one in presences])

    assert gone(half, none).is_right
    assert gone(half, none).share == 1
    assert not gone(half, few).is_right
    assert gone(half, few).share == pytest.approx(0.6)
    assert not gone(half, others).is_right
    assert not gone(half, none, few).is_right
    for never in (none, few):
        unmeasured = gone(never, none)
        assert not unmeasured.is_right
        assert unmeasured.share == 0


def test_a_reference_is_followed_when_it_is_the_nearest_of_its_kind() -> None:
    features = {
        reference_name(style, number): np.eye(len(STYLES), dtype=np.float32)[column]
        for column, style in enumerate(GROUPS["style"])
        for number in range(2)
    }
    oils, inks = shown("oil", [0.9, 0.9]), shown("ink", [0.9, 0.9])
    mixed = shown("oil", [0.9, 0.5])
    mixed.verdict.presence[1, CONCEPTS.index("ink")] = 0.9

    assert is_nearest("style", "oil", features, [oils, oils]).is_right
    assert not is_nearest("style", "ink", features, [oils, oils]).is_right
    assert is_nearest("style", "oil", features, [oils, inks]).share == 0.5
    assert is_nearest("style", "oil", features, [oils, mixed]).share == 0.75
    assert is_nearest("style", "oil", features, [oils, mixed]).is_right


def test_pictures_vary_as_scenes_in_free_forms_do() -> None:
    scenes = [Scene(light="day", place="sea", seed=seed) for seed in range(4)]
    pictures = [Image.fromarray(paint(scene, FREE_FORMS)) for scene in scenes]
    same = shown("sea", [0.9] * 4)

    found = varies(scenes, [Shown(pictures=pictures, verdict=same.verdict)])

    assert found.is_right
    assert found.note.startswith("1.00 ")
    assert not varies(scenes, [same]).is_right


@pytest.mark.parametrize("contents", sentences.VARIED.values())
def test_what_a_trainer_sees_varies_nearly_as_free_forms_do(
    contents: tuple[str, str, tuple[str, ...]],
) -> None:
    """A model can differ no more than what it was shown."""
    light, place, things = contents
    scenes = [
        Scene(light=light, place=place, things=dict.fromkeys(things, 1.0), seed=seed)
        for seed in range(PAINTED)
    ]

    seen, free = (
        distance([Image.fromarray(paint(scene, forms)) for scene in scenes])
        for forms in (KNOWN_FORMS, FREE_FORMS)
    )
    assert seen > 0.8 * free


def test_other_forms_paint_other_pictures_and_the_known_ones_are_the_default() -> None:
    scene = Scene(light="day", place="castle", seed=3)
    unseen = range(KNOWN_FORMS.stop, 2 * KNOWN_FORMS.stop)

    assert np.array_equal(paint(scene), paint(scene, KNOWN_FORMS))
    assert not np.array_equal(paint(scene), paint(scene, unseen))


def test_the_time_is_told_for_the_steps_asked_for() -> None:
    assert estimate(600, LIMITS.default_steps, 1.5).endswith("about 15 minutes")
    assert estimate(600, LIMITS.default_steps // 3, 1.5).endswith("about 5 minutes")


def test_weights_go_around_the_words_alone() -> None:
    sentence = "dunes[, a full moon]"

    assert with_words(sentence) == "dunes, a full moon"
    assert with_words(sentence, 1.5) == "dunes, (a full moon)1.5"
    assert without_words(sentence) == "dunes"
    assert without_words("dunes [after dark|at noon]") == "dunes at noon"


def test_nine_of_ten_on_both_sides_make_a_row_right() -> None:
    most, half = [0.9] * 9 + [0.1], [0.9] * 5 + [0.1] * 5

    assert is_told_apart("moon", [shown("moon", most), shown("moon", [0.1] * 10)]).is_right
    assert not is_told_apart("moon", [shown("moon", half), shown("moon", [0.1] * 10)]).is_right
    assert not is_told_apart("moon", [shown("moon", most), shown("moon", half)]).is_right


def test_growth_forgives_the_slack_but_not_standing_still() -> None:
    assert grows([0.5, 1.0, 1.5], AMOUNT).is_right
    assert grows([0.5, 1.0, 0.98], AMOUNT).is_right
    assert grows([0.5, 0.5, 0.65], AMOUNT).is_right
    assert not grows([0.5, 0.55, 0.6], AMOUNT).is_right
    assert not grows([0.5, 0.5, 0.5], AMOUNT).is_right
    assert not grows([0.5, 1.5, 1.0], AMOUNT).is_right


def test_pictures_are_painted_once_for_all_checks() -> None:
    order = Order(prompt="a castle")
    checks = [
        Check(group="a", name="b", orders=(order,), seeds=seeds, decide=lambda shown: shown)
        for seeds in (4, 10, 2)
    ]

    assert needed(checks) == {order: 10}
    assert len(cut(shown("moon", [0.9] * 10), 4).pictures) == 4


def test_all_checks_can_be_laid_out() -> None:
    checks = all_checks(10, {})

    assert len({(check.group, check.name) for check in checks}) == len(checks)
    assert sum(check.group == "concept" for check in checks) == len(CONCEPTS)
    for check in checks:
        starts = {order.first for order in check.orders}
        assert check.seeds * len(starts) >= 10, check.name  # seeds, all of them different
        assert len(starts) == 1 or starts == {0, check.seeds}
    users = {order.guidance for check in checks for order in check.orders}
    assert users == {1.0, 4.0, LIMITS.default_guidance_scale}


def test_distance_is_of_colours() -> None:
    black, white = (Image.new("RGB", (64, 64), name) for name in ("black", "white"))

    assert distance([black, black]) == 0
    assert distance([black, white]) == pytest.approx(1)


def test_the_goals_decide() -> None:
    def rows(group: str, *findings: Finding) -> list[tuple[Check, Finding]]:
        check = Check(group=group, name="x", orders=(), seeds=1, decide=lambda shown: findings[0])
        return [(check, one) for one in findings]

    right, wrong = finding(is_right=True, share=0.86), finding(is_right=False, share=0.4)

    assert summary(rows("concept", *[right] * 19, wrong))[1]
    assert not summary(rows("concept", *[right] * 18, wrong))[1]
    assert summary(rows("reference style", right))[1]
    assert not summary(rows("reference style", right, wrong))[1]
    assert not summary(rows("reference light", right))[1]
    assert summary(rows("weight", *[right] * 9, wrong))[1]
    assert not summary(rows("weight", *[right] * 8, wrong))[1]
    assert not summary([*rows("concept", right), *rows("README", wrong)])[1]
    assert table(rows("weight", wrong), is_markdown=True).splitlines()[2].startswith("| weight |")


def test_a_long_name_is_cut_and_keeps_the_columns_in_line() -> None:
    name = "an elven city in crystalline trees, waterfalls between floating islands"
    rows = [
        (
            Check(group="README", name=each, orders=(), seeds=1, decide=lambda shown: shown),
            finding(is_right=True, share=1.0),
        )
        for each in (name, "short")
    ]

    lines = table(rows, is_markdown=False).splitlines()

    assert {line.find("yes") for line in lines[1:]} == {lines[0].find("right")}
    assert "…  yes" in lines[1]
    assert len(lines[1].split("  ")[1]) <= WIDEST
    assert name in table(rows, is_markdown=True)


def test_a_saved_judge_says_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    thresholds = {name: 0.3 for name in CONCEPTS}
    net = JudgeNet().eval()
    judging.save(net, thresholds, tmp_path / "judge.safetensors")
    pictures = [Image.new("RGB", (80, 48), "navy"), Image.new("RGB", (64, 64), "white")]

    verdict = Judge.load(tmp_path / "judge.safetensors").judge(pictures)
    expected = Judge(net, thresholds).judge(pictures)

    assert verdict.presence.shape == verdict.amounts.shape == (2, len(CONCEPTS))
    np.testing.assert_allclose(verdict.presence, expected.presence, atol=0.01)


def test_judge_and_weights_are_at_most_40_mb() -> None:
    files = [*MINIATURE.folder.rglob("*"), judging.PATH]
    assert sum(path.stat().st_size for path in files if path.is_file()) <= 40_000_000


def test_the_judge_that_travels_with_the_code_knows_day_from_night_and_a_castle() -> None:
    lights = ("day", "night")
    pictures = [
        Image.fromarray(paint(Scene(light=light, place="castle", things={}, seed=7)))
        for light in lights
    ]

    verdict = Judge.load().judge(pictures)

    for light in lights:
        assert verdict.shows(light).tolist() == [each == light for each in lights]
    assert verdict.shows("castle").all()
    assert not verdict.shows("desert").any()


def test_a_picture_and_its_mirror_image_are_judged_alike() -> None:
    torch.manual_seed(0)
    judge = Judge(JudgeNet(), dict.fromkeys(CONCEPTS, 0.5))
    picture = Image.linear_gradient("L").rotate(90).convert("RGB")
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    verdict = judge.judge([picture, mirrored])

    np.testing.assert_allclose(verdict.presence[0], verdict.presence[1], atol=1e-5)
    np.testing.assert_allclose(verdict.amounts[0], verdict.amounts[1], atol=1e-5)


def test_the_verdict_is_the_members_mean() -> None:
    """In logits, so that one that is sure outweighs two that waver."""
    net = JudgeNet()
    for member, logit in zip(net.members, (4.0, -0.5, -0.5), strict=True):
        torch.nn.init.zeros_(member.presence.weight)
        torch.nn.init.constant_(member.presence.bias, logit)
    verdict = Judge(net, dict.fromkeys(CONCEPTS, 0.5)).judge([Image.new("RGB", (64, 64))])

    np.testing.assert_allclose(verdict.certainty("moon"), 1.0, atol=1e-4)


def test_a_threshold_moves_the_half() -> None:
    net = JudgeNet().eval()
    picture = [Image.new("RGB", (64, 64), "green")]
    share = float(Judge(net, dict.fromkeys(CONCEPTS, 0.5)).judge(picture).presence[0, 0])

    verdict = Judge(net, dict.fromkeys(CONCEPTS, share)).judge(picture)

    assert verdict.presence[0, 0] == pytest.approx(0.5, abs=1e-4)
