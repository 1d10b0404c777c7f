"""The files of a project: bytes in, frozen values that know their lines out."""
