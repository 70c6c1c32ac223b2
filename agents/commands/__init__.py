"""The subcommands of `multiref` that need speakers and listeners; the table is in `multiref_gym/cli.py`."""
