import pytest

from ledger.pricing import discount_rate, line_price, saving


@pytest.mark.parametrize(("quantity", "rate"), [(1, 0), (9, 0), (11, 5), (49, 5), (51, 10)])
def test_discount_between_the_steps(quantity, rate):
    assert discount_rate(quantity) == rate


@pytest.mark.parametrize(("quantity", "rate"), [(10, 5), (50, 10), (100, 15)])
def test_a_step_is_reached_with_its_own_quantity(quantity, rate):
    assert discount_rate(quantity) == rate


def test_a_few_pieces_cost_their_full_price():
    assert line_price(250, 4) == 1000


def test_many_pieces_cost_less():
    assert line_price(200, 20) == 3800
    assert line_price(100, 200) == 17_000


def test_the_saving_is_what_was_taken_off():
    assert saving(200, 20) == 200
    assert saving(200, 2) == 0


def test_nothing_has_no_price():
    with pytest.raises(ValueError, match="at least one"):
        line_price(100, 0)
