"""Words and weights are read as Compel means them, in linear time."""

import contextlib
import time

import pytest

from generation.spec.weighting import (
    MAX_LOWERED,
    WeightingRefused,
    read_fragments,
    split_chunks,
    unweighted_words,
)


def pairs(prompt: str) -> list[tuple[str, float]]:
    return [(fragment.text, fragment.weight) for fragment in read_fragments(prompt)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a castle", [("a castle", 1.0)]),
        ("", []),
        ("  \n ", []),
        ("(snow)1.5", [("snow", 1.5)]),
        ("hills, (snow)1.5, mist", [("hills,", 1.0), ("snow", 1.5), (", mist", 1.0)]),
        ("night++", [("night", 1.1**2)]),
        ("night--", [("night", 0.9**2)]),
        ("(deep night)+", [("deep night", 1.1)]),
        ("(snow).8", [("snow", 0.8)]),
        ("(snow)0", [("snow", 0.0)]),
        ("((snow)1.5 hill)2", [("snow", 3.0), ("hill", 2.0)]),
        ('"deep night"1.2', [("deep night", 1.2)]),
        ("(snow)1e9", [("snow e9", 1.0)]),
        ("(snow)-1", [("snow", 0.9), ("1", 1.0)]),
        ("(snow).attend(1.5)", [("snow", 1.5)]),
        ("snow .attend( ++ )", [("snow", 1.1**2)]),
        ("snow++hill", [("snow", 1.1**2), ("hill", 1.0)]),
        ("(a,b.c)2", [("a , b . c", 2.0)]),
        ('(a "b) c)2', [('(a "b) c)2', 1.0)]),
        ('a "b = c" (d)2 "(e)2"', [('a "b = c"', 1.0), ("d e", 2.0)]),
        ('"(a "(b)2 c)', [('"(a "(b)2 c)', 1.0)]),
        ('" (b "c" d)2', [('"', 1.0), ("b c d", 2.0)]),
        ('"a) b"2', [('"a) b"2', 1.0)]),
        ('"say \\"hi\\" now"2', [('say "hi" now', 2.0)]),
        ('"a\\b"2 "c\\" d', [("a\\b", 2.0), ("c\\ d", 1.0)]),
        ("\\(a\\).and(b)", [("(a).and(b)", 1.0)]),
        ('"a\nb"2', [('"a b"2', 1.0)]),
        ("notwithLora(x)", [("notwithLora(x)", 1.0)]),
        ("(x (a)2 = (b)2)", [("(x", 1.0), ("a", 2.0), ("=", 1.0), ("b", 2.0), (")", 1.0)]),
        ("well-known sci-fi", [("well-known sci-fi", 1.0)]),
        ("\\(literal\\)1.5", [("(literal)1.5", 1.0)]),
        ("a(b)1.5", [("a(b)1.5", 1.0)]),
    ],
)
def test_weights_are_read_as_compel_reads_them(prompt: str, expected: object) -> None:
    assert pairs(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("(snow:1.3)", [("snow", 1.3)]),
        ("(deep snow : 1.3 ) hill", [("deep snow", 1.3), ("hill", 1.0)]),
        ("((a:1.5) b:2)", [("a", 3.0), ("b", 2.0)]),
        ("(area 51:1.2)", [("area 51", 1.2)]),
        ("(snow:2)", [("snow", 2.0)]),
        ("(snow:2)+", [("snow", 2 * 1.1)]),
        ("(snow++:1.5)", [("snow", 1.1**2 * 1.5)]),
        ('("deep snow":1.3)', [("deep snow", 1.3)]),
    ],
)
def test_the_weights_of_a1111_are_read_as_meant(prompt: str, expected: object) -> None:
    assert pairs(prompt) == expected


@pytest.mark.parametrize(
    "prompt",
    ["(16:9)", "(16 : 9)", "(at 10:30)", "a 16:9 picture", "(note: snow)", "(a:1.2.3)", "(:1.3)"],
)
def test_ratios_and_clocks_are_text(prompt: str) -> None:
    assert [weight for _text, weight in pairs(prompt)] == [1.0]


@pytest.mark.parametrize(
    "prompt", ["()", "(  )", "a () b", "((", "))", ")(", "(a", "a)", "((a)", '"', "(a = b)1.2"]
)
def test_what_is_unbalanced_or_empty_is_plain_text(prompt: str) -> None:
    (fragment,) = read_fragments(prompt)
    assert fragment.weight == 1.0
    assert fragment.text.replace(" ", "") == prompt.replace(" ", "")


@pytest.mark.parametrize("prompt", ['""', '""0.5', '("" "  ")2', "\u00a0", "(\u2003)0.5"])
def test_what_holds_no_words_is_nothing(prompt: str) -> None:
    assert read_fragments(prompt) == ()


@pytest.mark.parametrize(
    ("prompt", "operator"),
    [
        ('("a", "b").blend(1, 0.5)', ".blend()"),
        ('("a", "b").and()', ".and()"),
        ('("a", "b").add()', ".add()"),
        ("a cat.swap(dog)", ".swap()"),
        ("a cat withLora(x, 0.5)", "withLora()"),
    ],
)
def test_what_is_not_painted_is_refused_by_name(prompt: str, operator: str) -> None:
    with pytest.raises(WeightingRefused, match="backslash") as caught:
        read_fragments(prompt)
    assert operator in str(caught.value)


def test_an_escaped_operator_is_text() -> None:
    assert unweighted_words(read_fragments("rock.and\\(roll\\)")) == "rock.and(roll)"


@pytest.mark.parametrize(
    "prompt", ["(snow)11", "((snow)4)4", "snow" + "+" * 9_000, "((a)0)" + "+" * 9_000]
)
def test_huge_weights_are_refused(prompt: str) -> None:
    with pytest.raises(WeightingRefused, match="maximum of 10"):
        read_fragments(prompt)


def test_too_many_lowered_passages_are_refused() -> None:
    assert len(pairs("a- b " * MAX_LOWERED)) == 2 * MAX_LOWERED
    with pytest.raises(WeightingRefused, match="weaken words together"):
        read_fragments("a- b " * (MAX_LOWERED + 1))


def test_long_texts_may_lower_fewer_passages() -> None:
    crowd = "".join(f"({'😀' * 290})0.{number} " for number in range(10, 42))
    assert len(crowd) < 10_000
    with pytest.raises(WeightingRefused, match="more than the 2 accepted"):
        read_fragments(crowd)


def test_a_refusal_names_the_words_shortly() -> None:
    with pytest.raises(WeightingRefused) as caught:
        read_fragments(f"({'snow ' * 900})12")
    assert len(str(caught.value)) < 200


def test_unweighted_words_are_the_words() -> None:
    assert unweighted_words(read_fragments("hills (snow)1.5 night++")) == "hills snow night"


def fill(unit: str, chars: int = 10_000) -> str:
    return (unit * chars)[:chars]


@pytest.mark.parametrize(
    "prompt",
    [
        fill("word "),
        fill("("),
        fill(")"),
        "(" * 5_000 + ")" * 5_000,
        "(" * 4_999 + "a" + ")" * 4_999 + "1",
        fill("(a"),
        fill("((a "),
        fill("( a "),
        fill("a+ "),
        fill("a++b--"),
        fill("+"),
        fill("- "),
        fill('"'),
        fill('" '),
        fill('("'),
        fill('"(a '),
        '"' + fill("( ") + '"',
        fill('( "x (y" z" \n'),
        fill('(("a ( b" '),
        fill(":1111"),
        "(a:" + fill("1"),
        "(a)" + fill("1") + ".",
        "a" + fill(" ") + "b",
        fill("a .attend("),
        fill("x("),
        fill("(  )"),
        fill('("a" '),
        fill('\\"'),
        fill("\\"),
        fill("\\("),
        fill("(a:1.1"),
        fill("(:"),
        fill("1:1"),
        fill(": "),
        fill("(a =") + ")",
        fill("(a)1.1 "),
        fill(",a"),
        fill("."),
        fill("(.attend"),
        fill("1"),
        fill("(1.1)"),
        "(" + fill("a "),
        "(" * 5_000 + '"' * 5_000,
        fill("(") + "=",
        '"' + fill("(a) ") + "=",
        '"' + fill('\\"') + '"',
        "(" * 3_000 + "a " * 1_500 + ") " * 2_000,
    ],
    ids=lambda prompt: prompt[:8],
)
def test_ten_thousand_characters_are_read_within_50_ms(prompt: str) -> None:
    assert any(seconds_to_read(prompt) < 0.05 for _ in range(20))


def seconds_to_read(prompt: str) -> float:
    """Of this thread alone; time a hypervisor takes away counts too, hence the many tries."""
    began = time.thread_time()
    with contextlib.suppress(WeightingRefused):
        read_fragments(prompt)
    return time.thread_time() - began


@pytest.mark.parametrize(
    ("tokens", "lengths"),
    [
        ([], [0]),
        (["a</w>"] * 75, [75]),
        (["a</w>"] * 76, [75, 1]),
        ([*["a</w>"] * 10, ".</w>", *["a</w>"] * 70], [11, 70]),
        ([*["a</w>"] * 10, ",</w>", *["a</w>"] * 70], [11, 70]),
        ([*["a</w>"] * 10, ".</w>", *["a</w>"] * 40, ",</w>", *["a</w>"] * 40], [11, 41, 40]),
        (["a"] * 100, [75, 25]),
        ([*["a</w>"] * 70, *["a"] * 10], [70, 10]),
    ],
)
def test_chunks_end_with_a_sentence_a_phrase_or_a_word(tokens: list[str], lengths: object) -> None:
    assert split_chunks(tokens) == lengths
