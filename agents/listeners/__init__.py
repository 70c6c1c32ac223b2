"""Listeners, a file or a folder for each."""
