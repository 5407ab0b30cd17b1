"""The README's examples run as they are printed, but for the port and the folder."""

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.stack.harness import ROOT, Installation, wait_for

SECTION = "## The API in three examples"


def printed_blocks() -> list[str]:
    readme = (ROOT / "README.md").read_text()
    section = readme.split(SECTION)[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_three_examples_run_as_printed(
    installation: Installation, worker: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    blocks = printed_blocks()
    assert len(blocks) == 5
    script = "set -e\n" + "\n".join(blocks)
    script = script.replace("127.0.0.1:8009", f"127.0.0.1:{installation.port}")
    script = script.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT}/manage.py")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=installation.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "dragon.png") as picture:
        assert picture.size == (256, 256)
        assert "a majestic dragon" in picture.info["parameters"]
    ids = re.findall(r'"job_id": *"([0-9a-f-]{36})"', done.stdout)
    with installation.connect() as connection:
        query = "SELECT count(*) FROM generation_generationjob WHERE status = 'succeeded'"

        def all_painted() -> bool:
            return connection.execute(query).fetchone() == (3,)

        wait_for(all_painted, limit_s=60, what="all three pictures")
        city = connection.execute(
            "SELECT steps, guidance_scale, seed, width, height FROM generation_generationjob"
            " WHERE prompt LIKE 'a cyberpunk city%'"
        ).fetchone()
    assert city == (40, 8.5, 42, 192, 128)
    assert len(set(ids)) >= 3
