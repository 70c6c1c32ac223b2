"""Simulated speakers: the scripted speaker, its personas, and the replay of logged games."""
