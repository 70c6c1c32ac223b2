"""The commands of `multiref` that need only the game, one module each; the table in `cli` lists them.

A command is a frozen dataclass. Its fields are its options, and `run(screen)` runs it.
"""
