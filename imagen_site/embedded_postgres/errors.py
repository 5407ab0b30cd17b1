"""The one error of the embedded PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot serve; the message names the path or value and the remedy."""

    code = "embedded_postgres"


@contextmanager
def os_errors_explained(home: Path) -> Iterator[None]:
    """Turn an OSError of the block into an EmbeddedPostgresError that names the database folder."""
    try:
        yield
    except OSError as error:
        raise EmbeddedPostgresError(
            f"the database in {home} cannot be used: {error}. Make that path writable for the "
            "account that runs this program, or choose another data folder on a local disk."
        ) from error
