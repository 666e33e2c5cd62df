import pytest

from ledger.stock import OutOfStock, Stock


@pytest.fixture
def stock():
    stock = Stock()
    stock.receive("lamp", 10)
    return stock


def test_a_delivery_is_available(stock):
    assert stock.available("lamp") == 10
    assert stock.available("chair") == 0


def test_an_empty_delivery_is_refused(stock):
    with pytest.raises(ValueError, match="at least one"):
        stock.receive("lamp", 0)


def test_reserved_pieces_are_not_available(stock):
    stock.reserve("lamp", 4)

    assert stock.available("lamp") == 6


def test_no_more_is_reserved_than_available(stock):
    stock.reserve("lamp", 7)

    with pytest.raises(OutOfStock):
        stock.reserve("lamp", 4)


def test_all_that_is_available_can_be_reserved(stock):
    stock.reserve("lamp", 10)

    assert stock.available("lamp") == 0


def test_a_released_piece_is_available_again(stock):
    stock.reserve("lamp", 4)

    stock.release("lamp", 3)

    assert stock.available("lamp") == 9


def test_shipping_empties_the_shelf(stock):
    stock.reserve("lamp", 4)

    stock.ship("lamp", 4)

    assert stock.available("lamp") == 6


def test_what_was_not_reserved_is_not_shipped(stock):
    with pytest.raises(OutOfStock):
        stock.ship("lamp", 1)


def test_articles_below_their_minimum_are_ordered(stock):
    assert stock.to_reorder({"lamp": 11, "chair": 3}) == {"lamp": 1, "chair": 3}


def test_articles_at_their_minimum_are_not_ordered(stock):
    assert stock.to_reorder({"lamp": 10}) == {}


def test_articles_above_their_minimum_are_not_ordered(stock):
    assert stock.to_reorder({"lamp": 4}) == {}


def test_promised_pieces_are_ordered_again(stock):
    stock.reserve("lamp", 4)

    assert stock.to_reorder({"lamp": 8}) == {"lamp": 2}
    assert stock.to_reorder({"lamp": 6}) == {}
