"""The `llm-do` command behind its words: an invocation in, its outcome and its exit code out."""
