"""The Python files of a project as text: what they declare and import, found without running them."""
