"""Signals between two steps."""

import signal
import threading

import pytest

from cinecor.training.interruption import Interruption


def test_nothing_happens_without_a_signal():
    with Interruption() as interruption:
        interruption.check(lambda: pytest.fail("nothing to save"))


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_waits_for_the_check_and_saves_first(number, expected):
    saved = []
    with Interruption() as interruption:
        signal.raise_signal(number)  # to this thread: a process of many may get it late
        with pytest.raises(expected) as caught:
            interruption.check(lambda: saved.append(1))
    assert saved == [1]
    if expected is SystemExit:
        assert caught.value.code == 143


def test_a_second_signal_is_not_waited_with():
    with Interruption():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_handlers_before_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with Interruption():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_other_threads_have_no_signals():
    failures = []

    def work():
        try:
            with Interruption() as interruption:
                interruption.check()
        except ValueError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failures


def test_a_signal_to_another_process_stops_this_one_too():
    saved = []
    with Interruption(lambda _own: True, shared=True) as interruption, pytest.raises(SystemExit):
        interruption.check(lambda: saved.append(1))
    assert saved == [1]


def test_a_signal_that_the_launcher_repeats_is_waited_with():
    saved = []
    with Interruption(shared=True) as interruption:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(SystemExit):
            interruption.check(lambda: saved.append(1))
    assert saved == [1]
