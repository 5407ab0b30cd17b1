"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from generation.web import accounts

urlpatterns = [
    path("", include("generation.web.urls")),
    path("", include("generation.api.classic.urls")),
    path("api/v1/", include("generation.api.v1.urls")),
    path("admin/login/", accounts.operators_door),
    path("admin/password_change/", RedirectView.as_view(pattern_name="web:change-password")),
    path("admin/", admin.site.urls),
]

handler400 = "generation.web.errors.bad_request"
handler403 = "generation.web.errors.forbidden"
handler404 = "generation.web.errors.not_found"
handler500 = "generation.web.errors.internal_error"
