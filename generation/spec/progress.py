"""What a pipeline tells while it paints."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """`step` denoising steps of `total` are done: 1 after the first, `total` after the last."""

    step: int
    total: int


class ProgressListener(Protocol):
    """Who is told. Raising StopGeneration ends the run within the step."""

    def on_step(self, progress: StepProgress) -> None: ...
