"""An engine that paints nothing, in the place of the true one: the rest of the way is Imagen's."""

import io
import os
import time

from django.apps import AppConfig
from PIL import Image

from generation.spec.formats import PNG
from generation.spec.picture import Picture
from generation.spec.progress import ProgressListener, StepProgress
from generation.spec.request import GenerationRequest

STEP_VARIABLE = "QUEUE_SPEED_STEP_S"
SIDE = 64


class IdleEngine:
    """Reports the steps that were asked for, sleeps before each, and gives a small grey picture."""

    def __init__(self) -> None:
        file = io.BytesIO()
        Image.new("RGB", (SIDE, SIDE), "grey").save(file, "PNG")
        self._png = file.getvalue()
        self._step_s = float(os.environ.get(STEP_VARIABLE, "0"))

    def warm_up(self) -> None:
        """There is nothing to warm."""

    def generate(
        self, request: GenerationRequest, listener: ProgressListener, _reference: bytes | None
    ) -> Picture:
        for step in range(1, request.steps + 1):
            time.sleep(self._step_s)
            listener.on_step(StepProgress(step=step, total=request.steps))
        return Picture(file=self._png, format=PNG, width=SIDE, height=SIDE)


class IdleEngineConfig(AppConfig):
    """Closes the only door between Django and torch."""

    name = "benchmarks.queue_speed"

    def ready(self) -> None:
        from generation.jobs import runner

        engine = IdleEngine()
        runner.load_engine = lambda _profile_name: engine
