"""What a model asks for in, what the kernel allows below one folder out: files, commands, processes."""
