"""What lies in the shelves, and what of it is promised to somebody."""

from collections import Counter


class OutOfStock(Exception):
    """More was asked for than is available."""


class Stock:
    """Quantities by article."""

    def __init__(self) -> None:
        self._on_hand: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()

    def receive(self, article: str, quantity: int) -> None:
        """Put a delivery on the shelf."""
        if quantity < 1:
            raise ValueError("a delivery has at least one piece")
        self._on_hand[article] += quantity

    def available(self, article: str) -> int:
        """How many pieces are on the shelf and not promised."""
        return self._on_hand[article] + self._reserved[article]

    def reserve(self, article: str, quantity: int) -> None:
        """Promise pieces to somebody; raises OutOfStock if there are too few."""
        if quantity > self.available(article):
            raise OutOfStock(f"{article}: {quantity} asked, {self.available(article)} available")
        self._reserved[article] += quantity

    def release(self, article: str, quantity: int) -> None:
        """Take a promise back."""
        self._reserved[article] -= min(quantity, self._reserved[article])

    def ship(self, article: str, quantity: int) -> None:
        """Send promised pieces away; raises OutOfStock for more than was promised."""
        if quantity > self._reserved[article]:
            raise OutOfStock(f"{article}: only {self._reserved[article]} are reserved")
        self._reserved[article] -= quantity
        self._on_hand[article] -= quantity

    def to_reorder(self, minimum: dict[str, int]) -> dict[str, int]:
        """How many pieces to order so that each article is back at its minimum."""
        missing = {article: least - self.available(article) for article, least in minimum.items()}
        return {article: count for article, count in missing.items() if count >= 0}
