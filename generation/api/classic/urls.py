"""The original addresses, without trailing slashes."""

from django.urls import path

from generation.api.classic.views import GenerateView, PictureView, StatusView

urlpatterns = [
    path("generate", GenerateView.as_view(), name="generate"),
    path("status/<uuid:job_id>", StatusView.as_view(), name="status"),
    path("image/<uuid:job_id>", PictureView.as_view(), name="image"),
    path("outputs/<str:filename>", PictureView.as_view(), name="output"),
    path("download/<str:filename>", PictureView.as_view(is_attachment=True), name="download"),
]
