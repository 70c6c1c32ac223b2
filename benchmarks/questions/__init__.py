"""Questions that arXiv 2410.13852 leaves open, each asked of simulated speakers by a command."""
