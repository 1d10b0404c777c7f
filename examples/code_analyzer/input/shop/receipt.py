"""A cart in, the lines of a receipt out."""


def lines(cart):
    for article in sorted(set(cart.articles)):
        yield f"{cart.articles.count(article):3} x {article}"
    yield f"total {cart.total() / 100:.2f}"
