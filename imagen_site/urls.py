"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("generation.api.classic.urls")),
    path("api/v1/", include("generation.api.v1.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "generation.api.errors.bad_request"
handler403 = "generation.api.errors.forbidden"
handler404 = "generation.api.errors.not_found"
handler500 = "generation.api.errors.internal_error"
