"""A course that goes on elsewhere: what each part has learnt so far, in a few megabytes.

`python -m generation.miniature.training.begun FOLDER` packs the checkpoints of a course that was
stopped; `python -m generation.miniature.train all --begun FOLDER` goes on with it on any machine.
The kept weights are stored in half precision, without the optimizers' memory, which a hundred
steps fill again.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

WORK = Path(".data") / "miniature"
SUPERSEDED = {"unet-small": "unet-large", "adapter-small": "adapter-large"}
"""What began on small pictures goes on with large ones: the former is no longer needed."""


def pack(work: Path, folder: Path) -> list[Path]:
    """Write NAME.safetensors for every NAME.ckpt in work that nothing supersedes."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_pack_one(checkpoint, folder) for checkpoint in _needed(work)]


def _needed(work: Path) -> Iterator[Path]:
    for checkpoint in sorted(work.glob("*.ckpt")):
        follower = SUPERSEDED.get(checkpoint.stem)
        if follower is None or not (work / f"{follower}.ckpt").exists():
            yield checkpoint


def _pack_one(checkpoint: Path, folder: Path) -> Path:
    whole = torch.load(checkpoint, map_location="cpu", weights_only=True)
    kept = {f"{number:04}": weight.half() for number, weight in enumerate(whole["kept"])}
    path = folder / f"{checkpoint.stem}.safetensors"
    save_file(kept, path, metadata={"done": str(whole["done"])})
    return path


def unpack(folder: Path, work: Path) -> list[Path]:
    """Write the checkpoints that are not in work yet. They fit whatever inputs this machine makes.

    Painted pictures may differ by a last bit between processors, and so would a digest of them.
    """
    work.mkdir(parents=True, exist_ok=True)
    written = []
    for packed in sorted(folder.glob("*.safetensors")):
        checkpoint = work / f"{packed.stem}.ckpt"
        if not checkpoint.exists():
            with safe_open(packed, "pt") as file:
                done = int(file.metadata()["done"])
                kept = [file.get_tensor(name).float() for name in sorted(file.keys())]
            torch.save({"done": done, "kept": kept}, part := checkpoint.with_suffix(".part"))
            part.replace(checkpoint)
            written.append(checkpoint)
    return written


def main() -> None:
    """Read the command line and pack."""
    parser = argparse.ArgumentParser(
        prog="python -m generation.miniature.training.begun",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where the packed parts go")
    parser.add_argument("--work", type=Path, default=WORK, help=f"the checkpoints; {WORK}")
    given = parser.parse_args()
    for path in pack(given.work, given.folder):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
