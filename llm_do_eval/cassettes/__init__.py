"""The commands over cassettes: check, show, diff, scrub, convert; one module each, files to values."""
