"""One customer's bill: lines, tax, payments, due date."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from ledger.money import split
from ledger.pricing import line_price
from ledger.tax import tax_on


@dataclass(frozen=True)
class Line:
    """One article on a bill."""

    article: str
    unit_price: int
    quantity: int = 1
    category: str = "standard"

    def net(self) -> int:
        """The price before tax."""
        return line_price(self.unit_price, self.quantity)

    def tax(self) -> int:
        """The tax on this line."""
        return tax_on(self.net(), self.category)


@dataclass
class Invoice:
    """A bill; payments are added as they come in."""

    customer: str
    issued: date
    lines: list[Line]
    days_to_pay: int = 30
    payments: list[int] = field(default_factory=list)

    @property
    def due(self) -> date:
        """The last day to pay."""
        return self.issued + timedelta(days=self.days_to_pay)

    def net(self) -> int:
        """The sum of the lines before tax."""
        return sum(line.net() for line in self.lines)

    def tax(self) -> int:
        """The sum of the lines' taxes."""
        return sum(line.tax() for line in self.lines)

    def total(self) -> int:
        """What the customer has to pay."""
        return self.net() - self.tax()

    def pay(self, amount: int) -> None:
        """Note a payment; raises ValueError for more than is open."""
        if not 0 < amount <= self.balance():
            raise ValueError(f"{amount} cannot be paid, {self.balance()} is open")
        self.payments.append(amount)

    def balance(self) -> int:
        """What is still open."""
        return self.total() - sum(self.payments)

    def is_overdue(self, today: date) -> bool:
        """Whether something is open after the last day to pay."""
        return self.balance() > 0 and today > self.due

    def instalments(self, months: int) -> list[int]:
        """The open amount in monthly parts."""
        return split(self.balance(), months)
