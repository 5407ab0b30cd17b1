"""The web process: Django behind a limit on request bodies."""

import os

os.environ["IMAGEN_PROCESS"] = "web"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagen_site.settings")

import django
from django.conf import settings

from imagen_site import database_server
from imagen_site.body_limit import BodyLimit
from imagen_site.handler import Handler

django.setup(set_prefix=False)
database_server.join_if_embedded()
application = BodyLimit(
    Handler(), max_bytes=settings.MAX_BODY_BYTES, roomier=settings.ROOMIER_BODIES
)
