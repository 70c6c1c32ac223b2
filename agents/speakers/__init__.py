"""Speakers that are language models: their prompts, their habits, and one file for each place of the model."""
