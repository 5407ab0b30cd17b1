"""One line a record, with its job."""

import logging
import re

import pytest

from generation.log import JobFilter, LineFormatter, about_job


def format_record(message: str, **extra: object) -> str:
    record = logging.makeLogRecord({"name": "n", "levelname": "INFO", "msg": message, **extra})
    JobFilter().filter(record)
    return LineFormatter().format(record)


def test_line_names_the_job_at_work() -> None:
    with about_job("1234"):
        line = format_record("attempt 1 started")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO n job=1234 attempt 1 started", line)
    assert "job=- " in format_record("idle")


def test_traceback_and_prompt_stay_on_their_line() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        line = format_record("a\r\nforged", exc_info=(ValueError, error, error.__traceback__))
    assert "\n" not in line
    assert "a\\r\\nforged\\nTraceback" in line


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Forbidden: /sign-up/abc-DEF_9", "Forbidden: /sign-up/…"),
        ('"POST /new-password/Mg/dii1yj-77 HTTP/1.1" 403', '"POST /new-password/… HTTP/1.1" 403'),
        ('"GET /pictures?q=my+secret HTTP/1.1" 200', '"GET /pictures?… HTTP/1.1" 200'),
        ("Not Found: /sign-up", "Not Found: /sign-up"),
    ],
)
def test_keys_and_searches_are_left_out(said: str, written: str) -> None:
    assert written in format_record(said)
