"""Secrets: taken out of what is recorded, and looked for once more before it is written."""
