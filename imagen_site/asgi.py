"""The web process: Django behind a limit on request bodies."""

import os

os.environ["IMAGEN_PROCESS"] = "web"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagen_site.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

from imagen_site import database_server
from imagen_site.body_limit import BodyLimit

database_server.join_if_embedded()
application = BodyLimit(get_asgi_application(), max_bytes=settings.MAX_BODY_BYTES)
