"""What must be true of every derivative."""
