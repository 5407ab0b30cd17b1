"""Which file of which repository goes where in a model's folder."""

from dataclasses import dataclass

BASE = "stabilityai/stable-diffusion-xl-base-1.0"
VAE = "madebyollin/sdxl-vae-fp16-fix"
ADAPTER = "h94/IP-Adapter"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """target: its path in the model's folder. choices: its path in the repository, best first."""

    repository: str
    choices: tuple[str, ...]
    target: str


def _same(repository: str, *paths: str) -> tuple[WantedFile, ...]:
    return tuple(WantedFile(repository=repository, choices=(path,), target=path) for path in paths)


def _half(path: str) -> WantedFile:
    """Weights in half precision, or whichever a local copy has; stored under the plain name."""
    stem = path.removesuffix(".safetensors")
    return WantedFile(repository=BASE, choices=(f"{stem}.fp16.safetensors", path), target=path)


def _vae(name: str) -> WantedFile:
    return WantedFile(repository=VAE, choices=(name,), target=f"vae/{name}")


def _adapter(path: str) -> WantedFile:
    return WantedFile(repository=ADAPTER, choices=(path,), target=f"ip_adapter/{path}")


TOKENIZER_FILES = (
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "vocab.json",
)

RECIPES: dict[str, tuple[WantedFile, ...]] = {
    "sdxl": (
        *_same(
            BASE,
            "model_index.json",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "text_encoder_2/config.json",
            "unet/config.json",
            *(
                f"{part}/{name}"
                for part in ("tokenizer", "tokenizer_2")
                for name in TOKENIZER_FILES
            ),
        ),
        _half("text_encoder/model.safetensors"),
        _half("text_encoder_2/model.safetensors"),
        _half("unet/diffusion_pytorch_model.safetensors"),
        _vae("config.json"),
        _vae("diffusion_pytorch_model.safetensors"),
        _adapter("sdxl_models/ip-adapter_sdxl.safetensors"),
        _adapter("sdxl_models/image_encoder/config.json"),
        _adapter("sdxl_models/image_encoder/model.safetensors"),
    ),
}
"""SDXL with the VAE that does not overflow in half precision, and the plain IP-Adapter."""
