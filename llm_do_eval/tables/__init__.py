"""Runs in, tables out: each module counts one thing, in any order of runs, with the same result."""
