"""Addresses of the native API, without trailing slashes."""

from django.urls import path

from generation.api.v1 import document, views

urlpatterns = [
    path("jobs", views.JobsView.as_view(), name="v1-jobs"),
    path("jobs/<uuid:job_id>", views.JobView.as_view(), name="v1-job"),
    path("jobs/<uuid:job_id>/cancel", views.CancelView.as_view(), name="v1-cancel"),
    path("jobs/<uuid:job_id>/retry", views.RetryView.as_view(), name="v1-retry"),
    path("jobs/<uuid:job_id>/image", views.ImageView.as_view(), name="v1-image"),
    path("jobs/<uuid:job_id>/preview", views.PreviewView.as_view(), name="v1-preview"),
    path("profiles", views.ProfilesView.as_view(), name="v1-profiles"),
    path("estimate", views.EstimateView.as_view(), name="v1-estimate"),
    path("prompt", views.PromptView.as_view(), name="v1-prompt"),
    path("openapi.json", document.DocumentView.as_view(), name="v1-openapi"),
    path("docs", document.DocsView.as_view(url_name="v1-openapi"), name="v1-docs"),
]
