"""A model's tool calls in, decisions out: between a model and every effect."""
