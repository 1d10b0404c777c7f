"""Tables in, candidates out: one module a kind, each with its rule, evidence, bound, verdict and reason."""
