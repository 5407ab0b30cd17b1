"""Why an installation ended."""


class InstallFailed(Exception):
    """Nothing was lost: what has been fetched stays, and the next run goes on from there."""
