"""Every door to every dialect, asked by every official client: the cells of one table."""
