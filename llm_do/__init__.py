"""llm-do: run workers (LLM) and tools (Python) under one name space and one calling convention."""

__version__ = "0.1.0"
