"""Templates of prompts: text and data in, text within bounds of time and memory out."""
