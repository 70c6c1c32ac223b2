"""Questions that arXiv 2410.13852 leaves open: a command for each, with simulated speakers."""
