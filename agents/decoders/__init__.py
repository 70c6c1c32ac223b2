"""What a reply says of the action before it, a file for each way to tell."""
