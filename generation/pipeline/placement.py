"""Where a pipeline runs, in which precision, and by which plan for the card's memory."""

from dataclasses import dataclass

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from diffusers import StableDiffusionXLPipeline
from torch import nn

from generation.pipeline.memory import free_cache
from generation.spec import plans
from generation.spec.errors import ModelUnavailable, OutOfMemory
from generation.spec.plans import GIB, MemoryPlan, choose_plan, plan_called
from generation.spec.profiles import ModelProfile

PARTS = ("text_encoder", "text_encoder_2", "image_encoder", "unet", "vae")
STORED = torch.float8_e4m3fn
STREAMED, FP8 = "streamed", "fp8"
TILE_SIDE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """device: where torch computes, as it names it. dtype: of all parts but a VAE that overflows.

    plan: which parts are there, and when. memory_gib: what the device had free; 0 on the CPU.
    """

    device: str
    dtype: torch.dtype
    plan: MemoryPlan
    memory_gib: float = 0.0

    def device_of(self, part: str) -> str:
        """Where the part computes."""
        return "cpu" if part in self.plan.at_home else self.device

    def dtype_of(self, part: str) -> torch.dtype:
        """In which precision: processors are slow at half of it."""
        return torch.float32 if part in self.plan.at_home else self.dtype


CPU = Placement(device="cpu", dtype=torch.float32, plan=plans.CPU)


def choose_placement(profile: ModelProfile, plan_name: str = plans.AUTOMATIC) -> Placement:
    """The GPU where the profile wants one and there is one, else the CPU.

    plan_name: one of plans.PLAN_NAMES; "auto" goes by the memory that is free now.
    Raises ModelUnavailable for a plan that needs a GPU where there is none, and for a card that is
    too small for any; OutOfMemory for one that others fill now.
    """
    if profile.device != "auto" or plan_name == plans.CPU.name:
        return CPU
    if not torch.cuda.is_available():
        if plan_name == plans.AUTOMATIC:
            return CPU
        raise ModelUnavailable(
            f"IMAGEN_MEMORY_PLAN is {plan_name}, but torch sees no CUDA device. Leave it unset, or"
            " mend the driver: nvidia-smi must list the card."
        )
    free_cache()  # what torch keeps of a model that has gone is free
    free_bytes, total_bytes = torch.cuda.mem_get_info()
    memory_gib = free_bytes / GIB
    is_chosen_here = plan_name == plans.AUTOMATIC
    plan = choose_plan(memory_gib) if is_chosen_here else plan_called(plan_name)
    if plan is None:
        refusal = ModelUnavailable if choose_plan(total_bytes / GIB) is None else OutOfMemory
        raise refusal(
            f"The card has {memory_gib:.1f} GiB free, and the smallest plan needs"
            f" {plans.PLANS[-1].least_gib} GiB. End what else uses it (nvidia-smi lists it), or set"
            " IMAGEN_MEMORY_PLAN=cpu."
        )
    return Placement(device="cuda", dtype=torch.float16, plan=plan, memory_gib=memory_gib)


def store_narrow(unet: nn.Module, placement: Placement) -> None:
    """Keep a UNet's weights in 8 bits where the plan says so; each layer is widened at work.

    Before an IP-Adapter is loaded: its layers would refuse the narrow numbers.
    """
    if placement.plan.unet == FP8:
        unet.enable_layerwise_casting(storage_dtype=STORED, compute_dtype=placement.dtype)


def store_narrow_again(unet: nn.Module) -> None:
    """Diffusers 0.42.1 widens the whole UNet once an IP-Adapter has been loaded into it."""
    for module in unet.modules():
        registry = getattr(module, "_diffusers_hook", None)
        if registry and registry.get_hook("layerwise_casting"):
            module.to(STORED)


def place(pipe: StableDiffusionXLPipeline, placement: Placement) -> "Guests":
    """Bring a whole pipeline, its IP-Adapter included, to where the plan wants it.

    To be called once for a pipeline. Returns those of its parts that come and go.
    """
    plan = placement.plan
    guests = Guests()
    for name in PARTS:
        part = getattr(pipe, name, None)
        if part is None or name in plan.at_home:
            continue
        if name in plan.visitors:
            guests.invite(part, torch.device(placement.device))
        elif name == "unet" and plan.unet == STREAMED:
            _stream(part, placement.device)
        else:
            part.to(placement.device)
    if plan.is_on_card:
        pipe.vae.enable_slicing()
    return guests


def _stream(unet: nn.Module, device: str) -> None:
    """Each layer comes just before its turn, while the one before still works."""
    unet.enable_group_offload(
        onload_device=torch.device(device),
        offload_device=torch.device("cpu"),
        offload_type="leaf_level",
        use_stream=torch.cuda.is_available(),
    )


class Guests:
    """Models that visit the device, one at a time: who begins to work sends the other one home."""

    def __init__(self) -> None:
        self._all: list[_Guest] = []

    def invite(self, model: nn.Module, device: torch.device) -> None:
        """Let the model come whenever it is called."""
        guest = _Guest(self, model, device)
        add_hook_to_module(model, guest)
        self._all.append(guest)

    def receive(self, guest: "_Guest") -> None:
        """Bring it, after the others have gone."""
        if not guest.is_there:
            self.send_home()
            guest.come()

    def send_home(self) -> None:
        """Free the device from all of them."""
        for guest in self._all:
            guest.leave()


class _Guest(ModelHook):  # type: ignore[misc]  # accelerate is untyped
    """One of them. Its weights stay in host memory, so that leaving copies nothing back.

    execution_device: what diffusers looks for on a model's hook.
    """

    def __init__(self, guests: Guests, model: nn.Module, device: torch.device) -> None:
        self.execution_device = device
        self.is_there = False
        self._guests = guests
        self._home = [(tensor, tensor.data) for tensor in (*model.parameters(), *model.buffers())]

    def pre_forward(
        self, module: nn.Module, *args: object, **kwargs: object
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        self._guests.receive(self)
        return args, kwargs

    def come(self) -> None:
        self.is_there = True  # before the first tensor moves: memory may end in between
        for tensor, home in self._home:
            tensor.data = home.to(self.execution_device)

    def leave(self) -> None:
        if self.is_there:
            for tensor, home in self._home:
                tensor.data = home
            self.is_there = False


def set_tiling(pipe: StableDiffusionXLPipeline, *, is_tiled: bool) -> None:
    """Decode in overlapping tiles, or in one. Tiles differ a little in colour."""
    if is_tiled:
        pipe.vae.enable_tiling()
        # SDXL's first VAE would call 1024 x 1024 one tile.
        pipe.vae.tile_sample_min_size = min(pipe.vae.tile_sample_min_size, TILE_SIDE)
        pipe.vae.tile_latent_min_size = min(pipe.vae.tile_latent_min_size, TILE_SIDE // 8)
    else:
        pipe.vae.disable_tiling()
