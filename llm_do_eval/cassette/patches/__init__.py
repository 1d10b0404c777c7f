"""What other libraries do otherwise while a cassette is open: HTTP, waits, sockets, keys."""
