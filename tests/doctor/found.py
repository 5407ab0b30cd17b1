"""Looking for one finding among many."""

from collections.abc import Iterable

from generation.doctor.finding import Finding, State

RTX = "GPU-5a2f, 570.86.15, 24564, 512, NVIDIA GeForce RTX 4090"
"""A card as nvidia-smi lists it."""


def only(findings: Iterable[Finding], name: str) -> Finding:
    """The one finding of that name; what is not well has a remedy."""
    found = [finding for finding in findings if finding.name == name]
    assert len(found) == 1, found
    assert found[0].state is State.OK or found[0].remedy
    return found[0]
