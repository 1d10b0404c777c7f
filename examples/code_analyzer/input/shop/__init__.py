"""A small shop: prices, a cart and receipts."""
