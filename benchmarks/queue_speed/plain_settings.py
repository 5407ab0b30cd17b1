"""The same, with django-q2's own broker on the ORM, asked every 0.2 s, in the place of Imagen's."""

from benchmarks.queue_speed.settings import *  # noqa: F403
from imagen_site.settings import Q_CLUSTER as _IMAGENS

Q_CLUSTER = {key: value for key, value in _IMAGENS.items() if key != "broker_class"} | {"poll": 0.2}
