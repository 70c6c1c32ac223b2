"""Listeners deployed to people in a browser, and the loop that learns from people's words."""
