"""Who listens, a file or a folder each."""
