"""What torch sees of a graphics card: told by a process with torch to one without."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchSight:
    """The first visible card in torch's eyes.

    cuda_build: the CUDA that torch was built for; empty: a build for the CPU.
    name: empty where no card is seen; trouble then tells why, in torch's words.
    uuid: as nvidia-smi has it, without its "GPU-". capability: such as "9.0".
    """

    torch: str
    cuda_build: str
    name: str = ""
    uuid: str = ""
    capability: str = ""
    free_bytes: int = 0
    total_bytes: int = 0
    trouble: str = ""


def to_json(sight: TorchSight) -> str:
    """One line."""
    return json.dumps(asdict(sight))


def from_json(line: str) -> TorchSight:
    """Raises ValueError for anything else."""
    try:
        return TorchSight(**json.loads(line))
    except TypeError as error:
        raise ValueError(f"{line!r} tells of no card: {error}") from error
