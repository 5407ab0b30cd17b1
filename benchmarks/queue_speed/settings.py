"""Imagen's settings, with an engine that paints nothing."""

from imagen_site.settings import *  # noqa: F403
from imagen_site.settings import INSTALLED_APPS as _THE_SERVICE

INSTALLED_APPS = [*_THE_SERVICE, "benchmarks.queue_speed.idle_engine.IdleEngineConfig"]
