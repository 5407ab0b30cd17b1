"""Model profiles: what can be asked for, and the folder its weights lie in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from generation.spec import installation
from generation.spec.errors import UnknownProfile
from generation.spec.limits import SIZE_MULTIPLE

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
    install_command: what an operator types to get the weights; empty where they cannot be got so.
    knows_only_its_world: it was shown the scenes of spec.world, and can paint nothing else.
    """

    name: str
    title: str
    folder: Path
    min_side: int
    max_side: int
    default_side: int
    device: str
    install_command: str = ""
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


MINIATURE = ModelProfile(
    name="miniature",
    title="Imagen miniature",
    folder=Path(__file__).resolve().parents[1] / "miniature" / "weights",
    min_side=64,
    max_side=512,
    default_side=128,
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
    return {profile.name: profile for profile in (MINIATURE, sdxl(models_dir), *further)}


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
