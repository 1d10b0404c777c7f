"""What a project, its Python files and installed packages declare in, one name space of linked names out."""
