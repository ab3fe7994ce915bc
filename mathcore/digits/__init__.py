"""Real digits, read by templates and by softmax regression."""
