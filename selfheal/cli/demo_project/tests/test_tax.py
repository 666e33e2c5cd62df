import pytest

from ledger.tax import net_within, rate_of, tax_on


def test_each_category_has_its_rate():
    assert [rate_of(name) for name in ("standard", "reduced", "exempt")] == [20, 5, 0]


def test_an_unknown_category_is_refused():
    with pytest.raises(ValueError, match="no tax category"):
        rate_of("luxury")


def test_tax_on_a_net_amount():
    assert tax_on(5000, "standard") == 1000
    assert tax_on(5000, "reduced") == 250
    assert tax_on(5000, "exempt") == 0


def test_net_within_a_gross_amount():
    assert net_within(6000, "standard") == 5000
    assert net_within(5250, "reduced") == 5000
    assert net_within(5000, "exempt") == 5000
