"""Speakers that are language models: the prompt, a persona's habits in words, and local and remote models."""
