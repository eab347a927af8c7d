"""What is known of models, as data with its source and date."""
