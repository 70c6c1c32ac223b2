"""The game as machine code: one record a game, the rules, chance, and what listeners see of many games at once."""
