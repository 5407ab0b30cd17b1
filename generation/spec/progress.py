"""What a pipeline tells while it paints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """`step` denoising steps of `total` are done: 1 after the first, `total` after the last.

    preview: paints a small JPEG of what the picture is going to be, when it is called, within the
    step; None where there is nothing to show.
    """

    step: int
    total: int
    preview: Callable[[], bytes] | None = None


class ProgressListener(Protocol):
    """Who is told. Raising StopGeneration ends the run within the step."""

    def on_step(self, progress: StepProgress) -> None: ...

    def check(self) -> None:
        """Asked between the blocks of the models, hundreds of times a step: raise to stop there."""


class Nobody:
    """A listener for a run that nobody follows."""

    def on_step(self, progress: StepProgress) -> None:
        pass

    def check(self) -> None:
        pass
