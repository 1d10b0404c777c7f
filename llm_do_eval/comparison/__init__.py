"""Two sets of sampled tests or of runs in, what changed between them out, with how sure that is."""
