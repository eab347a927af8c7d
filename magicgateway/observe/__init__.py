"""Facts about finished work, and who watches them: logs and metrics."""
