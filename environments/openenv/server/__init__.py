"""The server of MULTIREF for OpenEnv."""
