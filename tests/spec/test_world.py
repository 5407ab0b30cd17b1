"""The miniature's words are found in free text, in both languages, and name one concept each."""

import time

import pytest

from generation.miniature.scenes import filling
from generation.spec import world

CYBERPUNK = "a cyberpunk city at night, (neon lights)1.3, rain on the streets"
ELVEN = "an elven city in crystalline trees, waterfalls between floating islands"
AMBIGUOUS = ("or", "lit")
"""Function words of one language, things of the other."""
SCENERY = ("hill", "hills", "street", "streets", "road", "route", "rue")
"""Never painted by themselves, but no harm in a landscape or a city."""


@pytest.mark.parametrize("concept", world.CONCEPTS)
def test_every_concept_has_words_in_both_languages(concept: str) -> None:
    assert 6 <= len(set(world.ENGLISH[concept])) <= 12
    assert 4 <= len(set(world.FRENCH[concept])) <= 8


@pytest.mark.parametrize("concept", world.CONCEPTS)
def test_each_phrase_names_its_concept_and_no_other(concept: str) -> None:
    for words, other in ((world.ENGLISH, "a horse"), (world.FRENCH, "un cheval")):
        for phrase in words[concept]:
            assert world.concepts_of(phrase) == {concept}, phrase
            assert world.concepts_of(f"{other} {phrase.upper()}, {other}") == {concept}, phrase
            assert not world.foreign_words(phrase), phrase


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        (CYBERPUNK, {"neon", "city", "night"}),
        (ELVEN, {"elves", "waterfall", "islands"}),
        ("Montagnes enneigées sous l'AURORE boréale", {"mountains", "snow", "aurora"}),
        ("CITE ELFIQUE, arbres de cristal", {"elves"}),
        ("une ile flottante à l\u2019aube", {"islands", "dawn"}),
        ("des cités elfiques et des châteaux", {"elves", "castle"}),
        ("snow-capped, (storm clouds)0.5", {"snow", "storm"}),
        ("starry night", {"stars", "night"}),
        ("e\u0301toiles", {"stars"}),
        ("snowboard, nightingale, seaside", set()),
        ("prairies fleuries au soleil", {"meadow"}),
        ("voies lactées, prairies enneigées", {"stars", "meadow", "snow"}),
        ("the alps", {"mountains"}),
        ("Alps, Alpes enneigées", {"mountains", "snow"}),
        ("setting sun", {"sunset"}),
        ("a setting sun", {"sunset"}),
        ("the setting sun", {"sunset"}),
        ("a vague idea, les vagues", {"sea"}),
        ("a vague idea", set()),
        ("a table of wood", set()),
        ("chocolate eclair", set()),
        ("eclair", {"lightning"}),
        ("un eclair sur la mer", {"lightning", "sea"}),
        ("neon, Éclairs", {"neon", "lightning"}),
        ("a midi skirt", set()),
        ("un chateau a midi", {"castle", "day"}),
        ("", set()),
    ],
)
def test_concepts_are_found_in_free_text(text: str, concepts: set[str]) -> None:
    assert world.concepts_of(text) == concepts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CYBERPUNK, ["rain"]),
        (ELVEN, []),
        ("A Horse and 2 horses, highly detailed, 8k, masterpiece", ["Horse"]),
        ("photo of a très beau Cheval dans la cuisine", ["Cheval", "cuisine"]),
        ("oil painting of olive oil", ["olive", "oil"]),
        ("(snow)1.5 x", []),
        ("cat dog cat castle", ["cat", "dog"]),
        ("a car in a city at night", ["car"]),
        ("un ours dans la forêt, une tasse de thé", ["ours", "tasse", "thé"]),
        ("a chef in a castle", ["chef"]),
        ("un chef-d'œuvre, unreal engine", []),
        ("a night sky full of stars", []),
        ("mountains covered in snow, shrouded in mist, reflected in the water", []),
        ("a flock of gulls, a lone ship, floating on waves", []),
        ("montagnes couvertes de neige, entourées de sapins", []),
        ("a city street, a road over the hills, une colline", []),
        ("I don't see stars, we\u2019re at sea, it's DON\u2019T", []),
        ("aujourd'hui, jusqu\u2019à l\u2019océan", []),
        ("tres haute definition, meme ciel", []),
        ("", []),
    ],
)
def test_foreign_words_come_as_written_and_once(text: str, words: list[str]) -> None:
    assert world.foreign_words(text) == words


@pytest.mark.parametrize("strangers", [filling.STRANGERS, filling.FRENCH_STRANGERS])
def test_what_is_never_painted_is_foreign(strangers: tuple[str, ...]) -> None:
    missed = {word for word in strangers if world.foreign_words(word) != [word]}
    assert missed <= {*AMBIGUOUS, *SCENERY}


@pytest.mark.parametrize("tags", [filling.TAGS, filling.FRENCH_TAGS])
def test_what_people_say_of_any_picture_is_not_foreign(tags: tuple[str, ...]) -> None:
    assert not world.foreign_words(", ".join(tags))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a cas", []),
        ("a cat cas", ["cat"]),
        ("a cas ", ["cas"]),
        ("a cas,", ["cas"]),
        ("a xyl", ["xyl"]),
        ("northern ", []),
        ("northern li", []),
        ("northern, ", ["northern"]),
        ("un chat", []),
        ("un CHÂT", []),
        ("", []),
    ],
)
def test_beginnings_of_known_words_are_not_foreign_yet(text: str, words: list[str]) -> None:
    assert world.foreign_words(text, is_unfinished=True) == words


def test_no_neutral_word_names_a_concept() -> None:
    assert not [word for word in world.NEUTRAL if world.concepts_of(word)]


def test_ten_thousand_characters_take_few_milliseconds() -> None:
    text = (" ".join(f"word{number} floating" for number in range(1000)) + ELVEN)[:10_000]

    started = time.process_time()
    world.concepts_of(text)
    world.foreign_words(text)

    assert time.process_time() - started < 0.2  # measured: 0.006
