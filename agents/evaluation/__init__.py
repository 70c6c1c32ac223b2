"""What games and decoders were worth: measures with their intervals, tables, pictures and pages."""
