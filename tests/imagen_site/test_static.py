"""Style sheets are served by the web process itself, with debugging off."""

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient


@pytest.mark.django_db
def test_admin_style_sheet_is_served_without_a_warning(settings) -> None:
    settings.MIDDLEWARE = ["servestatic.middleware.ServeStaticMiddleware", *settings.MIDDLEWARE]

    @async_to_sync
    async def read() -> tuple[int, str, bytes]:
        response = await AsyncClient().get("/static/admin/css/base.css")
        body = b"".join([chunk async for chunk in response])
        return response.status_code, response["Content-Type"], body

    status, content_type, body = read()
    assert status == 200
    assert content_type.startswith("text/css")
    assert len(body) > 10_000
