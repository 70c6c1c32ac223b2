"""Feedback decoders, one file each, and the modules that calibrate, train and tune them."""
