"""The subcommands of `multiref` that measure listeners: a module each, found by the table in `multiref_gym.cli`."""
