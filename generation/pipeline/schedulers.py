"""The schedulers that take a profile's steps, each telling what the picture is going to be.

They are diffusers' own, whose latents they return bit for bit; `clean_latent` is the prediction of
the last step, [1, 4, height / 8, width / 8].
"""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)

from generation.spec.samplers import Scheduler


class TellingDPMSolver(DPMSolverMultistepScheduler):
    """DPM-Solver++ keeps its predictions itself: it is a multistep method."""

    @property
    def clean_latent(self) -> torch.Tensor:
        return self.model_outputs[-1]


class _KeepsPrediction:
    """Keeps what Euler's step returns beside the latent, and the pipeline throws away.

    The pipeline looks at the signature of `step` for the names that it passes: without
    `generator`, an ancestral scheduler would draw its noise from the process's own generator.
    """

    clean_latent: torch.Tensor

    def step(
        self,
        model_output: torch.Tensor,
        timestep: torch.Tensor,
        sample: torch.Tensor,
        generator: torch.Generator | None = None,
        return_dict: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The next latent and the prediction, as a tuple always."""
        following, self.clean_latent = super().step(
            model_output, timestep, sample, generator=generator, return_dict=False
        )
        return following, self.clean_latent


class TellingEuler(_KeepsPrediction, EulerDiscreteScheduler):
    """Euler's method."""


class TellingEulerAncestral(_KeepsPrediction, EulerAncestralDiscreteScheduler):
    """Euler's method with new noise after each step but the last."""


BUILT_AS: Mapping[Scheduler, tuple[type, Mapping[str, object]]] = {
    Scheduler.DPM_SOLVER_2M: (
        TellingDPMSolver,
        {"use_karras_sigmas": True, "algorithm_type": "dpmsolver++"},
    ),
    Scheduler.EULER: (TellingEuler, {"timestep_spacing": "trailing", "use_karras_sigmas": False}),
    Scheduler.EULER_ANCESTRAL: (TellingEulerAncestral, {"timestep_spacing": "trailing"}),
}
"""The class, and what it takes otherwise than the model's own configuration says."""


def build_scheduler(scheduler: Scheduler, config: Mapping[str, Any]) -> Any:
    """The scheduler for a model; config: that of the model's own, with its betas and prediction."""
    kind, settings = BUILT_AS[scheduler]
    with numpy_notice_ignored():
        return kind.from_config(config, **settings)


@contextlib.contextmanager
def numpy_notice_ignored() -> Iterator[None]:
    """Diffusers 0.42.1 hands tensors to np.array, for which NumPy 2 scolds torch 2.13."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        yield
