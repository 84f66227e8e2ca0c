"""The order of the next epoch begins as soon as that of this one is taken."""

import threading

import pytest

from sensitivity.training.ahead import Ahead

SECONDS = 20  # long enough for any machine; what is waited for comes at once


def test_the_next_one_begins_while_this_one_is_used():
    begun = {number: threading.Event() for number in range(3)}

    def draw(number):
        begun[number].set()
        return number * 10

    values = Ahead(draw, ahead=True)
    assert values(0) == 0
    assert begun[1].wait(SECONDS)  # nobody has asked for it
    assert not begun[2].is_set()
    assert values(1) == 10
    assert begun[2].wait(SECONDS)


def test_another_order_than_the_expected_is_drawn_all_the_same():
    values = Ahead(lambda number: number * 10, ahead=True)
    assert [values(number) for number in (0, 5, 2, 3, 3)] == [0, 50, 20, 30, 30]


def test_on_a_processor_nothing_is_drawn_ahead():
    drawn = []
    values = Ahead(lambda number: drawn.append(number), ahead=False)
    values(0)
    assert drawn == [0]


def test_an_error_comes_to_whom_it_concerns():
    def draw(number):
        if number:
            raise RuntimeError("no order")
        return number

    values = Ahead(draw, ahead=True)
    assert values(0) == 0
    with pytest.raises(RuntimeError, match="no order"):
        values(1)
