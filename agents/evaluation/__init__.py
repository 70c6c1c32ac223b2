"""The evaluation of games and decoders: measures with their intervals, tables, pictures and pages."""
