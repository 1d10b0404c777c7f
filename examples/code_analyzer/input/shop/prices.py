"""Articles in, prices in cents out."""

PRICES = {"pen": 120, "ink": 450, "paper": 300}


def price_of(article):
    # TODO: raise an error that names the nearest article
    return PRICES[article]


def with_tax(cents, rate=0.19):
    return round(cents * (1 + rate))
