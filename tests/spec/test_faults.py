"""Ordered faults are read exactly, or refused by name."""

import pytest

from generation.spec.faults import Fault, FaultKind, parse_fault


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_blank_orders_no_fault(text: str) -> None:
    assert parse_fault(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("out_of_memory:5", Fault(kind=FaultKind.OUT_OF_MEMORY, step=5)),
        ("crash:1", Fault(kind=FaultKind.CRASH, step=1)),
        (" hang:30 ", Fault(kind=FaultKind.HANG, step=30)),
        ("slow:0.2", Fault(kind=FaultKind.SLOW, seconds=0.2)),
        ("slow:2", Fault(kind=FaultKind.SLOW, seconds=2.0)),
    ],
)
def test_each_kind_is_read(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    "text",
    ["crash", "crash:", "crash:0", "crash:-1", "crash:1.5", "hang:²", "slow:-1", "slow:nan", "x:1"],
)
def test_unknown_text_is_refused_with_variable_value_and_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"IMAGEN_FAULT is .*out_of_memory:STEP") as caught:
        parse_fault(text)

    assert repr(text) in str(caught.value)
