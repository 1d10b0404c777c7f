"""Requests and answers as providers write them: unpacked, taken apart, compared."""
