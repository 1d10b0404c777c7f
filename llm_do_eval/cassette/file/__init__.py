"""A cassette as a file: read, written, journalled and described; and cassettes of others."""
