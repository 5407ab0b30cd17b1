"""A PostgreSQL server of our own for one data folder, shared by every program that joins it."""

from .cluster import prepare_data_dir
from .errors import EmbeddedPostgresError
from .location import Location, locate
from .membership import Membership, join
from .server import is_answering

__all__ = [
    "EmbeddedPostgresError",
    "Location",
    "Membership",
    "is_answering",
    "join",
    "locate",
    "prepare_data_dir",
]
