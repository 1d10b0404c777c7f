"""Readers of journal events, and the questions a human answers; nothing here owns the state of a run."""
