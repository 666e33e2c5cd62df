from datetime import date

import pytest

from ledger.invoice import Invoice, Line


@pytest.fixture
def invoice():
    lines = [Line("lamp", 5000), Line("book", 1000, quantity=2, category="reduced")]
    return Invoice("Ada", date(2024, 5, 1), lines)


def test_the_net_amount_is_the_sum_of_the_lines(invoice):
    assert invoice.net() == 7000


def test_each_line_is_taxed_by_its_category(invoice):
    assert invoice.tax() == 1000 + 100


def test_the_total_is_net_and_tax(invoice):
    assert invoice.total() == 8100


def test_the_total_of_cheap_articles_has_half_cents_rounded_up():
    stamps = [Line("stamp", 10, category="reduced"), Line("card", 250, category="reduced")]

    assert Invoice("Ada", date(2024, 5, 1), stamps).total() == 10 + 1 + 250 + 13


def test_the_last_day_to_pay(invoice):
    assert invoice.due == date(2024, 5, 31)


def test_a_payment_lowers_the_balance(invoice):
    invoice.pay(8000)

    assert invoice.balance() == 100


def test_more_than_is_open_cannot_be_paid(invoice):
    invoice.pay(8000)

    with pytest.raises(ValueError, match="cannot be paid"):
        invoice.pay(101)


def test_an_invoice_is_overdue_after_its_last_day(invoice):
    assert not invoice.is_overdue(date(2024, 5, 31))
    assert invoice.is_overdue(date(2024, 6, 1))


def test_a_paid_invoice_is_never_overdue(invoice):
    invoice.pay(8100)

    assert not invoice.is_overdue(date(2025, 1, 1))


def test_instalments_add_up_to_the_balance(invoice):
    assert invoice.instalments(3) == [2700, 2700, 2700]
