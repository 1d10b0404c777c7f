"""`python -m llm_do` is `llm-do`."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # the working directory, by -m: a file of somebody's project must not pass for a library
        del sys.path[0]
    from llm_do.cli import main

    main()
