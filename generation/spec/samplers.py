"""How a model's steps are taken: what a picture's file says of it, and which scheduler does it."""

from dataclasses import dataclass
from enum import Enum


class Scheduler(Enum):
    """A way to take steps that the pipeline can build; each asks the UNet once a step."""

    DPM_SOLVER_2M = "DPM-Solver++ of second order, Karras's sigmas"
    EULER = "Euler, from the last timestep on"
    EULER_ANCESTRAL = "Euler with new noise at each step, from the last timestep on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """name, schedule: as AUTOMATIC1111 calls them, so that other programs can take them over."""

    name: str
    schedule: str
    scheduler: Scheduler

    def __str__(self) -> str:
        return f"{self.name} {self.schedule}"


DPM_2M_KARRAS = Sampler(name="DPM++ 2M", schedule="Karras", scheduler=Scheduler.DPM_SOLVER_2M)
EULER = Sampler(name="Euler", schedule="SGM Uniform", scheduler=Scheduler.EULER)
EULER_ANCESTRAL = Sampler(
    name="Euler a", schedule="SGM Uniform", scheduler=Scheduler.EULER_ANCESTRAL
)
"""A1111's SGM Uniform is what diffusers calls trailing, up to the rounding of a timestep."""
