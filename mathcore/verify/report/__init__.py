"""What a run says: findings, scripts, tables, files."""
