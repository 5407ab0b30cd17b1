"""Model profiles: where weights come from and what they can paint."""

from dataclasses import dataclass
from pathlib import Path

from generation.spec.errors import UnknownProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """One model that can be asked for.

    folder: a diffusers layout (model_index.json and one folder a component), safetensors only.
    min_side, max_side, default_side: pixels, multiples of 8.
    device: where torch runs it, "cpu" or "cuda".
    """

    name: str
    title: str
    folder: Path
    min_side: int
    max_side: int
    default_side: int
    device: str

    @property
    def is_installed(self) -> bool:
        """Whether the folder holds a model index. Each file is checked when the model loads."""
        return (self.folder / "model_index.json").is_file()


MINIATURE = ModelProfile(
    name="miniature",
    title="Imagen miniature",
    folder=Path(__file__).resolve().parents[1] / "miniature" / "weights",
    min_side=64,
    max_side=512,
    default_side=128,
    device="cpu",
)

PROFILES = {profile.name: profile for profile in (MINIATURE,)}


def find_profile(name: str) -> ModelProfile:
    """The profile of that name. Raises UnknownProfile, which lists the known ones."""
    try:
        return PROFILES[name]
    except KeyError:
        raise UnknownProfile(name=name, known=sorted(PROFILES)) from None
