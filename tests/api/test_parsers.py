"""Broken, huge or absurdly nested JSON is 400 or 413, never 500."""

import time

import pytest

from generation.models import GenerationJob

pytestmark = pytest.mark.django_db


def nested(depth: int) -> bytes:
    return b'{"prompt":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"prompt": "a"',
        b'{"prompt": \xff}',
        b"\xef\xbb\xbf{}",
        b'{"seed": ' + b"9" * 6_000 + b"}",
        b'{"prompt": "a", "steps": 3, "steps": 4}',
        b'{"prompt": {"a": 1, "a": 2}}',
        nested(21),
        nested(5_000),
        nested(100_000),
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    ],
)
def test_unreadable_json_is_400(api, raw) -> None:
    response = api.post("/generate", raw=raw)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "parse_error"


def test_nesting_within_the_bound_reaches_the_fields(api) -> None:
    assert api.post("/generate", raw=nested(18)).json()["code"] == "invalid_request"


def test_body_over_the_limit_is_413(api, settings) -> None:
    raw = b'{"prompt": "' + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"}'
    response = api.post("/generate", raw=raw)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert not GenerationJob.objects.exists()


def test_other_content_types_are_refused(api) -> None:
    response = api.client.post("/generate", {"prompt": "a"}, headers=api.headers)
    assert response.status_code == 415
    assert response["Content-Type"] == "application/problem+json"


def test_longest_prompts_fit_in_any_encoding(api) -> None:
    astral = "\U0001f409" * 10_000
    body = {"prompt": astral, "negative_prompt": "é" * 10_000}
    assert api.post("/generate", body).status_code == 202
    assert GenerationJob.objects.get().prompt == astral


def test_a_twin_behind_thirty_thousand_names_costs_no_time(api, settings) -> None:
    """As long as the limit allows: to look for the twin must not take the square of it."""
    names = [f'"{number:x}":0' for number in range(25_000)]
    raw = ("{" + ",".join([*names, names[-1]]) + "}").encode()
    assert len(raw) < settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    start = time.process_time()
    assert api.post("/generate", raw=raw).json()["code"] == "parse_error"
    assert time.process_time() - start < 1
