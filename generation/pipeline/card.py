"""`python -m generation.pipeline.card`: what torch sees of the card, as a line of JSON.

For programs that must not load torch themselves. Takes seconds, and some hundred megabytes of the
card while it looks.
"""

import torch

from generation.spec.card import TorchSight, to_json


def look() -> TorchSight:
    """What a worker that starts now would see. Raises nothing: trouble is told."""
    build = torch.version.cuda or ""
    if not build:
        return TorchSight(torch=torch.__version__, cuda_build="")
    try:
        torch.cuda.init()
        properties = torch.cuda.get_device_properties(0)
        free_bytes, total_bytes = torch.cuda.mem_get_info(0)
    except (RuntimeError, AssertionError) as error:
        trouble = " ".join(str(error).split())
        return TorchSight(torch=torch.__version__, cuda_build=build, trouble=trouble)
    return TorchSight(
        torch=torch.__version__,
        cuda_build=build,
        name=properties.name,
        uuid=str(properties.uuid),
        capability=f"{properties.major}.{properties.minor}",
        free_bytes=free_bytes,
        total_bytes=total_bytes,
    )


if __name__ == "__main__":
    print(to_json(look()))
