"""The game as machine code: one record for each game, the rules, randomness, and listeners' observations."""
