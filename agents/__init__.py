"""Listeners and how they learn: listeners, decoders, objectives, play and the RESPECT loop."""
