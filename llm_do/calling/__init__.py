"""Calls of names: a name and an input in, the output of a tool or of a worker's agent out."""
