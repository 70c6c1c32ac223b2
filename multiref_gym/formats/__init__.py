"""Games on disk and elsewhere: a file for each format."""
