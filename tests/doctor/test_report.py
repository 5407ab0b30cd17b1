"""Findings as lines and as JSON."""

import json

from generation.doctor.finding import State, bad, ok, one_line, warning, worst
from generation.doctor.report import lines, to_json

PLAIN = {state: str for state in State}
FINDINGS = [
    ok("media", "41.2 GB free in /srv/media"),
    warning("reference", "own.png is gone", "put it back"),
    bad("model", "sdxl is not installed", "manage.py install_profile sdxl"),
]


def test_columns_line_up_and_remedies_stand_beneath() -> None:
    assert list(lines(FINDINGS, PLAIN, None)) == [
        "ok       media      41.2 GB free in /srv/media",
        "warning  reference  own.png is gone",
        "                    -> put it back",
        "bad      model      sdxl is not installed",
        "                    -> manage.py install_profile sdxl",
        "",
        "1 bad, 1 warning, 1 ok.",
    ]


def test_narrow_terminal_gets_lines_that_fit_and_keeps_paths_whole() -> None:
    path = "/a/very/long/path/to-some/folder-that/cannot-be-cut"
    found = [warning("media", "word " * 30, "remedy " * 20), bad("data", f"in {path}", path)]
    shown = list(lines(found, PLAIN, 60))
    assert all(len(line) <= 60 for line in shown if path not in line)
    assert sum(path in line for line in shown) == 2
    names = [line[:15].split() for line in shown[:-1]]
    assert [name for name in names if name] == [["warning", "media"], ["bad", "data"]]


def test_only_the_state_is_coloured() -> None:
    paints = PLAIN | {State.BAD: lambda text: f"<{text}>"}
    first, *_others = lines(FINDINGS[2:], paints, None)
    assert first == "<bad      >model  sdxl is not installed"


def test_all_is_well() -> None:
    assert list(lines(FINDINGS[:1], PLAIN, None))[-1] == "All 1 are well."


def test_json_tells_the_whole_and_each() -> None:
    told = json.loads(to_json(FINDINGS))
    assert told["state"] == "bad"
    assert told["findings"][2] == {
        "name": "model",
        "state": "bad",
        "words": "sdxl is not installed",
        "remedy": "manage.py install_profile sdxl",
    }


def test_worst_of_nothing_is_well() -> None:
    assert worst([]) is State.OK
    assert worst(FINDINGS[:2]) is State.WARNING


def test_long_complaint_is_cut_to_one_line() -> None:
    assert one_line("a\n  b") == "a b"
    assert len(one_line("x" * 900)) == 200
