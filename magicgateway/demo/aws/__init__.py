"""The demo provider as AWS: its models at the paths, with the signatures and frames of AWS."""
