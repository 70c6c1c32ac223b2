"""The subcommands of `multiref` that need speakers and listeners: a module each, found by the table in its `cli`."""
