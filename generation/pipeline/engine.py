"""One loaded model, and the way from a request to a picture."""

import os

import torch
from compel import CompelForSDXL
from diffusers import StableDiffusionXLPipeline

from generation.pipeline.decoding import decode_latents
from generation.pipeline.denoising import denoise
from generation.pipeline.faults import with_faults
from generation.pipeline.loading import load_pipeline
from generation.pipeline.memory import within_memory
from generation.pipeline.png import encode_png
from generation.pipeline.prompts import encode_prompts
from generation.spec.faults import FAULT_VARIABLE, Fault, parse_fault
from generation.spec.picture import Picture
from generation.spec.profiles import ModelProfile
from generation.spec.progress import ProgressListener
from generation.spec.request import GenerationRequest


class Engine:
    """Paints one picture at a time; not to be shared between threads.

    A run that failed or was stopped leaves it usable.
    """

    def __init__(
        self, *, profile: ModelProfile, pipe: StableDiffusionXLPipeline, fault: Fault | None
    ) -> None:
        self.profile = profile
        self._pipe = pipe
        # The device must be named: under offload Compel would guess the CPU (compel #121).
        self._compel = CompelForSDXL(pipe, device=profile.device)
        self._fault = fault

    @classmethod
    def load(cls, profile: ModelProfile) -> "Engine":
        """Read the profile's weights, and the ordered fault from IMAGEN_FAULT, once.

        Raises ModelUnavailable, OutOfMemory, or ValueError for an unknown fault.
        """
        fault = parse_fault(os.environ.get(FAULT_VARIABLE, ""))
        pipe = within_memory(lambda: load_pipeline(profile))
        return cls(profile=profile, pipe=pipe, fault=fault)

    def generate(self, request: GenerationRequest, listener: ProgressListener) -> Picture:
        """Paint the request; the listener hears of every step, and ends the run by raising.

        The same request gives the same bytes on the same machine and versions.
        Raises PromptUnreadable, NotFinite, OutOfMemory, and unchanged what the listener raises.
        """
        return within_memory(lambda: self._paint(request, listener))

    @torch.inference_mode()
    def _paint(self, request: GenerationRequest, listener: ProgressListener) -> Picture:
        embeddings = encode_prompts(self._compel, request.prompt, request.negative_prompt)
        latents = denoise(self._pipe, embeddings, request, with_faults(listener, self._fault))
        image = decode_latents(self._pipe.vae, latents)
        png = encode_png(image, request, self.profile.title)
        return Picture(png=png, width=image.width, height=image.height)
