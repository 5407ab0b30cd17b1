"""Operators' pages: they look, and act through the services. Nothing here can edit a job."""

from django.contrib import admin

from generation.admin import (  # noqa: F401  register themselves
    invitations,
    jobs,
    queue_page,
    tokens,
    workers,
)
from generation.jobs import tickets

admin.site.site_header = admin.site.site_title = "Imagen"
admin.site.enable_nav_sidebar = False  # the list of jobs needs the room
tickets.take_down_broker_pages()
