"""Sections side by side: what hangs and what breaks is a finding like any other."""

import threading
import time

from django.utils import translation

from generation.doctor import examination
from generation.doctor.finding import State, ok
from generation.templatetags.ages import age


def test_findings_come_in_the_order_of_the_sections() -> None:
    second_is_done = threading.Event()

    def first():
        second_is_done.wait(10)
        yield ok("a", "1")
        yield ok("b", "2")

    def second():
        second_is_done.set()
        yield ok("c", "3")

    findings = examination.run({"first": first, "second": second}, limit_s=10)
    assert [finding.name for finding in findings] == ["a", "b", "c"]


def test_section_that_hangs_is_told_in_time_beside_what_it_had_found() -> None:
    never = threading.Event()

    def hang():
        yield ok("media", "fine")
        never.wait()

    began = time.monotonic()
    media, late, other = examination.run({"storage": hang, "card": lambda: [ok("x", "")]}, 0.2)
    assert time.monotonic() - began < 5
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "storage"]
    assert thread.daemon, "the process could not end"
    never.set()
    assert (media.state, late.state, other.state) == (State.OK, State.BAD, State.OK)
    assert (late.name, late.words) == ("storage", "no answer within 0.2 seconds")
    assert late.remedy


def test_section_that_breaks_is_told_without_a_traceback() -> None:
    def fail():
        yield ok("media", "fine")
        raise RuntimeError("no\nidea")

    media, broken = examination.run({"storage": fail}, limit_s=10)
    assert media.state is State.OK
    assert broken.words == "could not be examined: RuntimeError: no idea"
    assert broken.remedy


def test_threads_speak_english_too() -> None:
    with translation.override("fr"):
        (found,) = examination.run({"queue": lambda: [ok("oldest", age(172_800))]}, limit_s=10)
    assert found.words == "2 d"
