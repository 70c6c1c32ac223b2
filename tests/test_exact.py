"""The compiled speaker against the plain one of before it, given the same chance: equal to the byte."""
