"""The subcommands of `multiref` that need nothing but the game: a module each, found by the table in `cli`.

A subcommand's module has `add_arguments(parser)` and `run(args)`; its docstring's first line is what it does.
"""
