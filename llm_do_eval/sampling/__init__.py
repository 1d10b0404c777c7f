"""Samples of a test: which is launched next, when they are enough, what they cost, where they are kept."""
