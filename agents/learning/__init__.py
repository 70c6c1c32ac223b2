"""Learns policies from turns with feedback: RESPECT, its examples, and its objectives."""
