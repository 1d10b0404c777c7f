"""What samples would show and cost, before any is run: for a marked test, and for a claim by itself."""
