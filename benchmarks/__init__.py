"""Benchmarks: one file for each question; each prints a table and can write it as JSON."""
