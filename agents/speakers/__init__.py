"""Speakers that are language models: what they are shown, who they are, and where the model is, a file each."""
