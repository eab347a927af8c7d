"""What holds for every provider, whoever it is."""
