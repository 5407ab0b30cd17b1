"""Which prompts lie outside the miniature's world, and by which words."""

import pytest

from generation.spec.hints import FOREIGN_WORDS, MAX_FOREIGN, NOTHING_KNOWN, hint_for, words_for
from generation.spec.world import CONCEPTS


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "  ...",
        "snowy mountains behind a lake at sunset, oil painting",
        "(snowy peaks)1.5, night++, (stars:1.3), highly detailed",
        "un château dans la brume, pleine lune, dessin à l'encre",
        "purple palette",
    ],
)
def test_known_words_and_none_need_no_hint(prompt: str) -> None:
    assert hint_for(prompt) is None


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a cat in a spaceship", ("cat", "spaceship")),
        ("un chat dans une fusée", ("chat", "fusée")),
        ("a cat, oil painting, purple tones", ("cat",)),
        ("a beautiful picture", ()),
    ],
)
def test_prompt_that_shows_nothing_known_gets_the_strong_hint(
    prompt: str, words: tuple[str, ...]
) -> None:
    hint = hint_for(prompt)
    assert hint
    assert (hint.code, hint.words) == (NOTHING_KNOWN, words)


def test_foreign_words_beside_known_ones_are_named() -> None:
    hint = hint_for("a (cat:1.3) before a castle, another cat")
    assert hint
    assert (hint.code, hint.words) == (FOREIGN_WORDS, ("cat",))


def test_a_few_words_stand_for_many() -> None:
    hint = hint_for("cats dogs cows horses sheep goats before a castle")
    assert hint
    assert len(hint.words) == MAX_FOREIGN


def test_refused_weighting_is_read_as_it_was_written() -> None:
    hint = hint_for("a.swap(b), cat")
    assert hint
    assert "cat" in hint.words


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a cat cas", ("cat",)),
        ("(a cat cas)1.3", ("cat", "cas")),
        ("a cat northern ", ("cat",)),
        ("a cat cas ", ("cat", "cas")),
        ("a cat (cas", ("cat",)),
    ],
)
def test_word_that_is_being_typed_is_not_judged(prompt: str, words: tuple[str, ...]) -> None:
    hint = hint_for(prompt, is_unfinished=True)
    assert hint
    assert hint.words == words


def test_words_are_shown_with_the_printer_s_apostrophe() -> None:
    assert "à l\u2019aube" in words_for("dawn", "fr")


@pytest.mark.parametrize("concept", CONCEPTS)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_concept_has_words_in_both_languages(concept: str, language: str) -> None:
    assert len(words_for(concept, language)) >= 3
