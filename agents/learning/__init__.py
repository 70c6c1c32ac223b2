"""Policies from turns with feedback: RESPECT, what it learns from, and what it minimises."""
