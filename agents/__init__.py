"""Who listens and how it learns: listeners, decoders, objectives, play and the RESPECT loop."""
