"""Which weights these are, as a file can tell it."""

from pathlib import Path

from generation.spec.installation import hash_file, read_record

UNET = "unet"
WEIGHTS = ".safetensors"


def unet_digest(folder: Path) -> str:
    """The SHA-256 of the UNet's weights, in hexadecimal; empty where they are not one file.

    An installed model's record has it; another's file is read: seconds for SDXL's five gigabytes.
    """
    record = read_record(folder)
    if record is not None:
        digests = [
            file.sha256
            for file in record.files
            if file.path.startswith(f"{UNET}/") and file.path.endswith(WEIGHTS)
        ]
        return digests[0] if len(digests) == 1 else ""
    files = list((folder / UNET).glob(f"*{WEIGHTS}"))
    return hash_file(files[0]) if len(files) == 1 else ""
