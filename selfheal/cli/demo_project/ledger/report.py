"""What the owner wants to know at the end of a month."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from ledger.invoice import Invoice
from ledger.money import show

# Upper ends, in days after the due date, of the groups of open debts.
AGES = (0, 30, 60)


def revenue_by_month(invoices: Iterable[Invoice]) -> dict[str, int]:
    """Net revenue by month of issue, as `2024-05`, oldest first."""
    months: dict[str, int] = defaultdict(int)
    for invoice in invoices:
        months[f"{invoice.issued:%Y-%m}"] += invoice.net()
    return dict(sorted(months.items()))


def best_customers(invoices: Iterable[Invoice], count: int) -> list[tuple[str, int]]:
    """The `count` customers with most net revenue, best first; equals by name."""
    revenue: dict[str, int] = defaultdict(int)
    for invoice in invoices:
        revenue[invoice.customer] += invoice.net()
    return sorted(revenue.items(), key=lambda entry: (-entry[1], entry[0]))[:count]


def debts_by_age(invoices: Iterable[Invoice], today: date) -> dict[str, int]:
    """Open amounts by how long they are overdue."""
    names = ("not due", "up to 30 days", "up to 60 days", "older")
    debts = dict.fromkeys(names, 0)
    for invoice in invoices:
        late = (invoice.due - today).days
        group = sum(late > age for age in AGES)
        debts[names[group]] += invoice.balance()
    return debts


def statement(customer: str, invoices: Iterable[Invoice]) -> list[str]:
    """One line for each open invoice of a customer, and the sum."""
    still_open = [i for i in invoices if i.customer == customer and i.balance() > 0]
    lines = [f"{i.issued}  {show(i.balance()):>12}" for i in still_open]
    return [*lines, f"{'open':<10}  {show(sum(i.balance() for i in still_open)):>12}"]
