"""The wall around the pipeline."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]

PROBE = """
import sys
import generation.pipeline.engine
foreign = {"django", "django_q", "rest_framework", "psycopg", "generation.jobs"}
print(sorted(foreign & set(sys.modules)))
"""


def test_importing_the_engine_loads_no_django_and_prints_nothing() -> None:
    probe = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", PROBE],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=CHECKOUT,
        check=True,
    )

    assert probe.stdout == "[]\n"
    assert probe.stderr == ""
