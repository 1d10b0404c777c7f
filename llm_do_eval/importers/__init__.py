"""Foreign traces in, runs out: one module a format, each with `read(path, keys) -> Iterator[Run]`."""
