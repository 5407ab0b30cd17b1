"""Which file of which repository goes where in a model's folder."""

from dataclasses import dataclass

BASE = "stabilityai/stable-diffusion-xl-base-1.0"
TURBO = "stabilityai/sdxl-turbo"
LIGHTNING = "ByteDance/SDXL-Lightning"
VAE = "madebyollin/sdxl-vae-fp16-fix"
ADAPTER = "h94/IP-Adapter"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """target: its path in the model's folder. choices: its path in the repository, best first."""

    repository: str
    choices: tuple[str, ...]
    target: str


TOKENIZER_FILES = (
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "vocab.json",
)
PLAIN_FILES = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder_2/config.json",
    "unet/config.json",
    *(f"{part}/{name}" for part in ("tokenizer", "tokenizer_2") for name in TOKENIZER_FILES),
)
UNET = "unet/diffusion_pytorch_model.safetensors"


def _same(repository: str, path: str) -> WantedFile:
    return WantedFile(repository=repository, choices=(path,), target=path)


def _half(repository: str, path: str) -> WantedFile:
    """Weights in half precision, or whichever a local copy has; stored under the plain name."""
    stem = path.removesuffix(".safetensors")
    choices = (f"{stem}.fp16.safetensors", path)
    return WantedFile(repository=repository, choices=choices, target=path)


def _vae(name: str) -> WantedFile:
    return WantedFile(repository=VAE, choices=(name,), target=f"vae/{name}")


def _adapter(path: str) -> WantedFile:
    return WantedFile(repository=ADAPTER, choices=(path,), target=f"ip_adapter/{path}")


def _recipe(base: str, unet: WantedFile) -> tuple[WantedFile, ...]:
    """An SDXL with this UNet, the VAE that does not overflow in half precision, and the adapter.

    base: the repository in diffusers layout that all else comes from. Files of one repository stand
    together, so that it is asked once.
    """
    return (
        *(_same(base, path) for path in PLAIN_FILES),
        _half(base, "text_encoder/model.safetensors"),
        _half(base, "text_encoder_2/model.safetensors"),
        unet,
        _vae("config.json"),
        _vae("diffusion_pytorch_model.safetensors"),
        _adapter("sdxl_models/ip-adapter_sdxl.safetensors"),
        _adapter("sdxl_models/image_encoder/config.json"),
        _adapter("sdxl_models/image_encoder/model.safetensors"),
    )


RECIPES: dict[str, tuple[WantedFile, ...]] = {
    "sdxl": _recipe(BASE, _half(BASE, UNET)),
    "sdxl-turbo": _recipe(TURBO, _half(TURBO, UNET)),
    "sdxl-lightning": _recipe(
        BASE,
        WantedFile(
            repository=LIGHTNING,
            choices=("sdxl_lightning_4step_unet.safetensors",),
            target=UNET,
        ),
    ),
}
"""By profile. Lightning is SDXL base with another UNet, a plain file in diffusers' own names."""
