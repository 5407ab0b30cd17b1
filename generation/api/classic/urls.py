"""The original addresses, without trailing slashes."""

import re

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from generation.api.classic.views import GenerateView, PictureView, StatusView
from generation.spec.formats import SUFFIXES


class PictureName(StringConverter):
    """20260130_123456_abc123.png"""

    regex = rf"[0-9]{{8}}_[0-9]{{6}}_[0-9a-f]{{6}}(?:{'|'.join(map(re.escape, SUFFIXES))})"


register_converter(PictureName, "picture")

urlpatterns = [
    path("generate", GenerateView.as_view(), name="generate"),
    path("status/<uuid:job_id>", StatusView.as_view(), name="status"),
    path("image/<uuid:job_id>", PictureView.as_view(), name="image"),
    path("outputs/<picture:filename>", PictureView.as_view(), name="output"),
    path("download/<picture:filename>", PictureView.as_view(is_attachment=True), name="download"),
]
