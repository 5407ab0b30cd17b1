"""The OpenAPI document is true: requests that it allows are accepted, answers are as it says."""

import io
import itertools
import re
import uuid
from datetime import timedelta

import pytest
import requests
import schemathesis
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from requests.adapters import HTTPAdapter
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth
from urllib3 import HTTPResponse

from generation.jobs import reviews, services
from generation.spec.formats import CONTENT_TYPES, FORMATS
from generation.tokens import draw_token
from tests import factories

pytestmark = pytest.mark.django_db

DOCUMENT = "/api/v1/openapi.json"


@pytest.fixture
def document(anonymous_api) -> dict:
    return anonymous_api.get(DOCUMENT).json()


def test_document_names_every_address_of_the_native_api(document) -> None:
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/api/v1/jobs",
        "/api/v1/jobs/{job_id}",
        "/api/v1/jobs/{job_id}/cancel",
        "/api/v1/jobs/{job_id}/retry",
        "/api/v1/jobs/{job_id}/image",
        "/api/v1/jobs/{job_id}/preview",
        "/api/v1/profiles",
        "/api/v1/estimate",
        "/api/v1/prompt",
    }


def test_bounds_are_those_of_the_running_server(anonymous_api, settings) -> None:
    settings.IMAGEN_MAX_STEPS = 44
    shape = anonymous_api.get(DOCUMENT).json()["components"]["schemas"]["JobRequest"]
    assert shape["properties"]["steps"]["maximum"] == 44
    assert shape["properties"]["width"]["maximum"] == 512
    assert shape["additionalProperties"] is False


def test_formats_are_told_with_the_order_and_the_picture(document) -> None:
    asked = document["components"]["schemas"]["JobRequest"]["properties"]["output_format"]
    assert (asked["enum"], asked["default"]) == (list(FORMATS), "png")
    sent = document["paths"]["/api/v1/jobs/{job_id}/image"]["get"]["responses"]["200"]["content"]
    assert set(sent) == set(CONTENT_TYPES)


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
OPERATIONS = [
    ("GET", "/api/v1/jobs"),
    ("POST", "/api/v1/jobs"),
    ("GET", "/api/v1/jobs/{job_id}"),
    ("DELETE", "/api/v1/jobs/{job_id}"),
    ("POST", "/api/v1/jobs/{job_id}/cancel"),
    ("POST", "/api/v1/jobs/{job_id}/retry"),
    ("GET", "/api/v1/jobs/{job_id}/image"),
    ("GET", "/api/v1/jobs/{job_id}/preview"),
    ("GET", "/api/v1/profiles"),
    ("POST", "/api/v1/estimate"),
    ("POST", "/api/v1/prompt"),
]


def test_every_operation_is_tried_below(document) -> None:
    named = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert named == set(OPERATIONS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_as_the_document_says(document, user, method, path, mode) -> None:
    """Schemathesis draws requests, good or bad, and holds each answer against the document."""
    operation = schemathesis.openapi.from_dict(document)[path][method]
    if mode is GenerationMode.NEGATIVE and not operation.body and not operation.query:
        return  # nothing that could be wrong but the address itself
    key = draw_token(user.pk, "schemathesis")[1]
    job_ids = one_job_of_each_kind(user)
    ids = itertools.cycle(job_ids)
    tried = 0

    @settings(
        max_examples=30,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: schemathesis.Case) -> None:
        nonlocal tried
        tried += 1
        if case.path_parameters:
            case.path_parameters["job_id"] = next(ids)
        if UUID.fullmatch(str((case.query or {}).get("before"))):
            case.query["before"] = job_ids[0]  # which ids exist is beyond a document
        if "Authorization" in case.headers:  # drawn ones are no token of ours
            case.headers["Authorization"] = f"Bearer {key}"
        with transaction.atomic():
            answer = ask(case)
            transaction.set_rollback(True)
        assert answer.status_code < 500
        case.validate_response(answer, excluded_checks=[ignored_auth])  # it would go online

    run()
    assert tried > 5


def one_job_of_each_kind(user: User) -> list[str]:
    running, _claim = factories.running_job(user)
    hidden, _claim = factories.running_job(user)
    reviews.hide(hidden, actor_id=user.pk)
    jobs = [factories.queued_job(user), running, hidden]
    settled = factories.queued_job(user)
    services.cancel_job(settled)
    return [str(job.public_id) for job in (*jobs, settled)] + [str(uuid.uuid4())]


def ask(case: schemathesis.Case) -> requests.Response:
    """Send the case to Django, and bring the answer into the shape that Schemathesis reads."""
    sent = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    body = sent.body if isinstance(sent.body, bytes) else (sent.body or "").encode()
    got = Client(raise_request_exception=False).generic(
        sent.method or "GET",
        sent.path_url,
        body,
        content_type=sent.headers.get("Content-Type", ""),
        headers={"Accept-Language": "en"} | dict(sent.headers),
    )
    raw = HTTPResponse(
        io.BytesIO(got.content), status=got.status_code, headers=got.headers, preload_content=False
    )
    answer = HTTPAdapter().build_response(sent, raw)
    answer.elapsed = timedelta(milliseconds=1)
    return answer


@pytest.mark.parametrize("path", ["/api/v1/docs", DOCUMENT])
def test_other_methods_are_refused(path) -> None:
    client = Client(raise_request_exception=False)
    assert client.options(path).status_code == 405
    assert client.post(path).status_code == 405


def test_picture_that_is_known_is_in_the_document(document) -> None:
    answers = document["paths"]["/api/v1/jobs/{job_id}/image"]["get"]["responses"]
    assert "content" not in answers["304"]
    assert "ETag" in answers["200"]["headers"]


def test_page_alone_may_show_what_it_fetched() -> None:
    def sources(path: str) -> str:
        policy = Client().get(path)["Content-Security-Policy"]
        return re.findall(r"img-src ([^;]*)", policy)[0]

    assert sources("/api/v1/docs") == "'self' data: blob:"
    assert sources("/sign-in") == "'self' data:"


def test_page_needs_nothing_from_outside(anonymous_api) -> None:
    page = anonymous_api.get("/api/v1/docs")
    script = anonymous_api.get("/api/v1/docs?script=")
    assert page.status_code == script.status_code == 200
    text = page.content.decode() + script.content.decode()
    assert re.findall(r"(?:src|href)=\"(?!/|\?)[^\"]*", text) == []
    assert re.findall(r"https?://", text) == []
    assert "swagger-ui-bundle.js" in text
