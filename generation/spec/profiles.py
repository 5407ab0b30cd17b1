"""Model profiles: what can be asked for, and the folder its weights lie in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from generation.spec import installation
from generation.spec.errors import UnknownProfile, gettext_noop
from generation.spec.limits import SIZE_MULTIPLE, Limits, Range
from generation.spec.samplers import DPM_2M_KARRAS, EULER, EULER_ANCESTRAL, Sampler

MODEL_INDEX = "model_index.json"
ADAPTER_FOLDER = "ip_adapter"
ADAPTER_FILE = Path("sdxl_models", "ip-adapter_sdxl.safetensors")
PATH_PREFIX = "path:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """One model that can be asked for.

    folder: a diffusers layout (model_index.json and one folder a component), safetensors only;
    ip_adapter/ beside them holds an IP-Adapter in the layout of h94/IP-Adapter, if there is one.
    min_side, max_side, default_side: pixels, multiples of 8; the default is what it was made for.
    device: "cpu", or "auto" for a GPU where there is one.
    sampler: how its steps are taken.
    own_steps, own_guidance: of a model that was distilled to a few steps without guidance, whatever
    the server allows others; None: the server's Limits.
    install_command: what an operator types to get the weights; empty where they cannot be got so.
    download_gb: how much that brings, in 10**9 bytes.
    licence: what its licence forbids that SDXL's own does not, a sentence to be translated; else
    empty.
    knows_only_its_world: it was shown the scenes of spec.world, and can paint nothing else.
    """

    name: str
    title: str
    folder: Path
    min_side: int
    max_side: int
    default_side: int
    device: str
    sampler: Sampler = DPM_2M_KARRAS
    own_steps: Range[int] | None = None
    own_guidance: Range[float] | None = None
    install_command: str = ""
    download_gb: float = 0.0
    licence: str = ""
    knows_only_its_world: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether everything is in its place. Contents are checked when the model loads."""
        if self.install_command:
            return installation.is_complete(self.folder)
        return (self.folder / MODEL_INDEX).is_file()

    @property
    def remedy(self) -> str:
        """What an operator does about a missing or damaged file."""
        if self.install_command:
            return f"Run {self.install_command}, which fetches what is missing or damaged."
        return "Copy the whole folder again, in diffusers layout."

    @property
    def has_adapter(self) -> bool:
        """Whether a reference picture can be followed. Every recipe of ours brings an adapter."""
        return bool(self.install_command) or (self.folder / ADAPTER_FOLDER / ADAPTER_FILE).is_file()

    def steps(self, limits: Limits) -> Range[int]:
        """How many steps may be asked for: its own range where it has one, else the server's."""
        return self.own_steps or Range(
            minimum=1, maximum=limits.max_steps, default=limits.default_steps
        )

    def guidance_scale(self, limits: Limits) -> Range[float]:
        """Which guidance may be asked for: its own range where it has one, else the server's."""
        return self.own_guidance or Range(
            minimum=0.0, maximum=limits.max_guidance_scale, default=limits.default_guidance_scale
        )


WITHOUT_GUIDANCE = Range(minimum=0.0, maximum=2.0, default=0.0)
"""Of distilled models; a negative prompt does nothing where guidance is off."""

MINIATURE = ModelProfile(
    name="miniature",
    title="Imagen miniature",
    folder=Path(__file__).resolve().parents[1] / "miniature" / "weights",
    min_side=64,
    max_side=512,
    default_side=256,
    device="cpu",
    knows_only_its_world=True,
)


def sdxl(models_dir: Path) -> ModelProfile:
    """SDXL base 1.0 as install_profile puts it together below models_dir."""
    return ModelProfile(
        name="sdxl",
        title="Stable Diffusion XL base 1.0",
        folder=models_dir / "sdxl",
        min_side=256,
        max_side=2048,
        default_side=1024,
        device="auto",
        install_command="manage.py install_profile sdxl",
        download_gb=11.5,
    )


def sdxl_turbo(models_dir: Path) -> ModelProfile:
    """SDXL Turbo: one to four steps without guidance (Sauer and others, arXiv:2311.17042)."""
    return ModelProfile(
        name="sdxl-turbo",
        title="SDXL Turbo",
        folder=models_dir / "sdxl-turbo",
        min_side=256,
        max_side=1024,
        default_side=512,
        device="auto",
        sampler=EULER_ANCESTRAL,
        own_steps=Range(minimum=1, maximum=4, default=4),
        own_guidance=WITHOUT_GUIDANCE,
        install_command="manage.py install_profile sdxl-turbo",
        download_gb=11.5,
        licence=gettext_noop(
            "SDXL Turbo is for research and non-commercial use only; commercial use needs a licence"
            " of Stability AI (https://stability.ai/license)."
        ),
    )


def sdxl_lightning(models_dir: Path) -> ModelProfile:
    """SDXL with a UNet distilled to four steps (Lin and others, arXiv:2402.13929).

    Its authors publish a UNet for each number of steps and ask that none be used with another.
    """
    return ModelProfile(
        name="sdxl-lightning",
        title="SDXL Lightning",
        folder=models_dir / "sdxl-lightning",
        min_side=256,
        max_side=2048,
        default_side=1024,
        device="auto",
        sampler=EULER,
        own_steps=Range(minimum=4, maximum=4, default=4),
        own_guidance=WITHOUT_GUIDANCE,
        install_command="manage.py install_profile sdxl-lightning",
        download_gb=11.5,
    )


def at_path(folder: Path) -> ModelProfile:
    """Any other SDXL in a folder, called path:NAME by the folder's name alone.

    Its native side is the UNet's sample size times 8, 1024 where the folder does not tell.
    """
    side = _native_side(folder)
    return ModelProfile(
        name=PATH_PREFIX + folder.name,
        title=folder.name,
        folder=folder,
        min_side=max(64, side // 4 // SIZE_MULTIPLE * SIZE_MULTIPLE),
        max_side=2 * side,
        default_side=side,
        device="auto",
    )


def known_profiles(models_dir: Path, *further: ModelProfile) -> dict[str, ModelProfile]:
    """All profiles by name, installed or not."""
    installable = (sdxl(models_dir), sdxl_turbo(models_dir), sdxl_lightning(models_dir))
    return {profile.name: profile for profile in (MINIATURE, *installable, *further)}


def find_profile(name: str, profiles: Mapping[str, ModelProfile]) -> ModelProfile:
    """The profile of that name. Raises UnknownProfile, which lists the known ones."""
    try:
        return profiles[name]
    except KeyError:
        raise UnknownProfile(name=name, known=sorted(profiles)) from None


def _native_side(folder: Path) -> int:
    try:
        sample_size = json.loads((folder / "unet" / "config.json").read_bytes())["sample_size"]
    except (OSError, ValueError, KeyError, TypeError):
        return 1024
    return sample_size * 8 if isinstance(sample_size, int) and sample_size > 0 else 1024
