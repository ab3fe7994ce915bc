"""What makes no sense, and is refused."""
