"""Reports: findings, reproducer scripts, tables, files."""
