"""Speakers that are models."""
