import pytest

from ledger.money import percent, read, show, split


@pytest.mark.parametrize(
    ("amount", "rate", "expected"),
    [(1000, 20, 200), (0, 20, 0), (1000, 0, 0), (333, 100, 333), (12_345, 20, 2469)],
)
def test_percent_of_round_amounts(amount, rate, expected):
    assert percent(amount, rate) == expected


def test_half_a_cent_counts_as_a_whole_one():
    assert percent(10, 5) == 1
    assert percent(250, 5) == 13


def test_less_than_half_a_cent_is_dropped():
    assert percent(7, 7) == 0
    assert percent(149, 1) == 1


def test_the_parts_of_a_split_add_up():
    assert split(1000, 3) == [334, 333, 333]
    assert split(1001, 3) == [334, 334, 333]
    assert sum(split(999, 7)) == 999


def test_a_split_into_one_part_is_the_amount():
    assert split(250, 1) == [250]


def test_no_parts_are_refused():
    with pytest.raises(ValueError, match="at least one part"):
        split(100, 0)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (5, "0.05"), (123, "1.23"), (123_456, "1,234.56"), (-250, "-2.50")],
)
def test_amounts_are_shown_and_read_back(amount, text):
    assert show(amount) == text
    assert read(text) == amount


@pytest.mark.parametrize("text", ["12", "12.5", "1.234"])
def test_other_texts_are_no_amounts(text):
    with pytest.raises(ValueError, match="looks like"):
        read(text)
