"""The small listener: reads silhouettes and dialogue on a CPU, in under three million parameters."""
