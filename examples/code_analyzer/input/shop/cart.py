"""What a customer wants to buy."""

from shop.prices import price_of, with_tax


class Cart:
    def __init__(self):
        self.articles = []

    def add(self, article, count=1):
        # TODO: refuse a negative count
        self.articles += [article] * count

    def total(self):
        return sum(with_tax(price_of(article)) for article in self.articles)
