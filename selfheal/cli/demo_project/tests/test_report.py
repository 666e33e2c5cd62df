from datetime import date

import pytest

from ledger.invoice import Invoice, Line
from ledger.report import best_customers, debts_by_age, revenue_by_month, statement


def bill(customer, issued, price, days_to_pay=30):
    return Invoice(customer, issued, [Line("service", price, category="exempt")], days_to_pay)


@pytest.fixture
def invoices():
    return [
        bill("Ada", date(2024, 4, 10), 3000),
        bill("Ben", date(2024, 5, 2), 2000, days_to_pay=60),
        bill("Cem", date(2024, 5, 20), 7000),
        bill("Ada", date(2024, 2, 1), 1000),
    ]


def test_revenue_is_summed_by_month(invoices):
    assert revenue_by_month(invoices) == {"2024-02": 1000, "2024-04": 3000, "2024-05": 9000}


def test_the_best_customers_come_first(invoices):
    assert best_customers(invoices, 2) == [("Cem", 7000), ("Ada", 4000)]


def test_the_best_customer_alone(invoices):
    assert best_customers(invoices, 1) == [("Cem", 7000)]


def test_there_may_be_fewer_customers_than_asked_for(invoices):
    assert len(best_customers(invoices, 10)) == 3


def test_debts_are_grouped_by_days_after_the_due_date(invoices):
    debts = debts_by_age(invoices, date(2024, 6, 1))

    assert debts == {
        "not due": 9000,
        "up to 30 days": 3000,
        "up to 60 days": 0,
        "older": 1000,
    }


def test_a_debt_is_late_from_the_day_after_its_last_one():
    debt = [bill("Ada", date(2024, 5, 1), 500, days_to_pay=10)]

    assert debts_by_age(debt, date(2024, 5, 11))["not due"] == 500
    assert debts_by_age(debt, date(2024, 5, 12))["up to 30 days"] == 500


def test_a_statement_lists_what_is_open(invoices):
    assert statement("Ada", invoices) == [
        "2024-04-10         30.00",
        "2024-02-01         10.00",
        "open               40.00",
    ]


def test_a_statement_of_a_stranger_is_empty(invoices):
    assert statement("Zoe", invoices) == ["open                0.00"]
