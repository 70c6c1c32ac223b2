"""The commands of `multiref` that need nothing but the game: a module each, found by the table in `cli`.

A command is a frozen dataclass. Its fields are its options, and `run(screen)` does what it is for.
"""
