"""MULTIREF: a multi-turn reference game whose speakers give implicit feedback, as a Gymnasium environment."""
