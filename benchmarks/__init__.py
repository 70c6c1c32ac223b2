"""How good is it: one file a question; each prints a table and can write it as JSON."""
