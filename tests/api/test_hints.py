"""The native API says what lies outside the miniature's world; the classic dialect stays."""

# ruff: noqa: RUF001  the pages' own apostrophes

import pytest

from generation.tokens import draw_token
from tests import factories
from tests.conftest import ApiClient

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/jobs"
PROMPT = "/api/v1/prompt"
COMMAND = "manage.py install_profile sdxl"


def test_submitted_job_and_its_detail_tell_the_same_hint(api) -> None:
    body = api.post(JOBS, {"prompt": "a cat in a spaceship"}).json()
    (hint,) = body["hints"]
    assert (hint["code"], hint["words"]) == ("nothing_known", ["cat", "spaceship"])
    assert "your words “cat”, “spaceship” are not in its world." in hint["detail"]
    assert "places (mountains, sea, castle)" in hint["detail"]
    assert "sdxl paints anything" in hint["detail"]
    assert api.get(f"{JOBS}/{body['id']}").json()["hints"] == body["hints"]
    assert api.get(JOBS).json()["jobs"][0]["hints"] == body["hints"]


def test_foreign_words_beside_known_ones_are_named(api) -> None:
    (hint,) = api.post(JOBS, {"prompt": "a cat before a castle"}).json()["hints"]
    assert (hint["code"], hint["words"]) == ("foreign_words", ["cat"])


def test_known_words_have_no_hints(api) -> None:
    assert api.post(JOBS, {"prompt": "a castle at sunset"}).json()["hints"] == []


def test_hints_can_be_had_before_anything_is_submitted(api) -> None:
    answer = api.post(PROMPT, {"prompt": "a cat"})
    assert [hint["code"] for hint in answer.json()["hints"]] == ["nothing_known"]
    assert api.post(PROMPT, {"prompt": "a castle"}).json()["hints"] == []


def test_hints_speak_the_readers_language(user) -> None:
    french = ApiClient(draw_token(user.pk, "fr")[1], language="fr")
    (hint,) = french.post(JOBS, {"prompt": "un chat"}).json()["hints"]
    assert "votre mot «\xa0chat\xa0» n’est pas de son monde." in hint["detail"]


def test_only_operators_read_the_command(api) -> None:
    (hint,) = api.post(PROMPT, {"prompt": "a cat"}).json()["hints"]
    assert COMMAND not in hint["detail"]
    operator = factories.make_user("olga", is_staff=True)
    (told,) = (
        ApiClient(draw_token(operator.pk, "olga")[1])
        .post(PROMPT, {"prompt": "a cat"})
        .json()["hints"]
    )
    assert told["detail"].endswith(COMMAND)


def test_classic_answer_stays_as_its_clients_know_it(api) -> None:
    assert "hints" not in api.post("/generate", {"prompt": "a cat"}).json()
